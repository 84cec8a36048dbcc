#!/usr/bin/env python3
"""Runs the end-to-end tests: real processes, real containerd, and clients that are not ours. Ends with "N passed, N failed".

    run.py [PATTERN]     only tests whose name contains PATTERN
"""
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]


class Result(unittest.TestResult):
    """One line a test, as it ends."""

    def __init__(self):
        super().__init__()
        self.passed = 0

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def line(self, word, test):
        print(f"{word:7} {test.id()} ({time.monotonic() - getattr(self, 'begun', time.monotonic()):.1f} s)", flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("FAILED", test)
        print(self.failures[-1][1], flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self.line("FAILED", test)
        print(self.errors[-1][1], flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.line("FAILED", subtest)
            print(self._exc_info_to_string(err, test), flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("skipped", test)
        print(f"        {reason}", flush=True)


def chosen(suite, pattern):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from chosen(item, pattern)
        elif pattern in item.id():
            yield item


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    suite = unittest.defaultTestLoader.discover(str(HERE), pattern="test_*.py")
    result = Result()
    unittest.TestSuite(chosen(suite, pattern)).run(result)
    failed = len(result.failures) + len(result.errors)
    if result.skipped:
        print(f"({len(result.skipped)} skipped)")
    print(f"{result.passed} passed, {failed} failed")
    return 1 if failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main())
