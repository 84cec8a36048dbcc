#!/usr/bin/env python3
"""Checks the rules of the house that a compiler does not: who may include whom, file names, leftovers.

docs/ARCHITECTURE.md ("May include") and docs/STYLE.md say why. Ends with "N passed, N failed": one check each.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
SOURCES = [p for p in subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.cpp", "*.hpp"], cwd=ROOT, check=True,
                                     capture_output=True, text=True).stdout.split() if (ROOT / p).exists()]
TEXT = {p: (ROOT / p).read_text() for p in SOURCES}

IMPURE_HEADERS = re.compile(r"^(caf/|google/protobuf|grpcpp/|sqlite3|sys/|unistd\.h|fcntl\.h|fstream|random|chrono|thread|mutex|"
                            r"condition_variable|filesystem|spdlog/|prometheus/|httplib)")
OWN_PB = re.compile(r"^cloudless/(api|record)/.*\.pb\.h$")
ACTOR_HEADER = re.compile(r"^actors/(\w+)/.*_actor\.hpp$")


def includes(path):
    return [(kind, name) for kind, name in INCLUDE.findall(TEXT[path])]


def is_test(path):
    return ".test." in path or path.startswith(("tests/", "chaos/"))


def is_shell(path):
    """Shells and adapters are named for what they are; everything else beside them is a core."""
    stem = pathlib.PurePath(path).name.split(".")[0]
    return stem.endswith("_actor") or any(re.match(pattern, path) for pattern in ADAPTERS)


# Files that talk to the outside or to CAF on purpose: adapters behind a port, and parts of shells.
ADAPTERS = (ROOT / "tests/tidy_adapters.txt").read_text().split()


def cores_are_pure():
    for path in SOURCES:
        if not path.startswith(("actors/", "messages/domain/")) or is_test(path):
            continue
        if is_shell(path):
            continue
        for _, name in includes(path):
            if IMPURE_HEADERS.match(name) or OWN_PB.match(name):
                yield f"{path}: a core includes {name} (if this file is an adapter, list it in tests/tidy_adapters.txt)"


def domain_is_plain():
    for path in SOURCES:
        if not path.startswith("messages/domain/"):
            continue
        for kind, name in includes(path):
            if kind == '"' and not name.startswith("messages/domain/") and not is_test(path):
                yield f"{path}: messages/domain includes {name}"


def protobuf_stays_at_the_edge():
    allowed = ("messages/codec/", "gateway/", "services/cloudlessctl/", "services/agent/", "tests/", "chaos/")
    for path in SOURCES:
        if path.startswith(allowed) or is_test(path):
            continue
        for _, name in includes(path):
            if OWN_PB.match(name):
                yield f"{path}: includes {name}; only messages/codec, gateway, cloudlessctl and the agent's API may"


def actors_meet_in_messages():
    for path in SOURCES:
        if not path.startswith("actors/") or is_test(path):
            continue
        room = path.split("/")[1]
        for _, name in includes(path):
            match = ACTOR_HEADER.match(name)
            if match and match.group(1) not in (room, "decider"):  # decider is the shell that deciders share
                yield f"{path}: includes another actor's header {name}; they meet in messages/ and are wired in services/"


def nobody_includes_the_edge():
    for path in SOURCES:
        if is_test(path):
            continue
        for _, name in includes(path):
            if name.startswith("services/") and not path.startswith("services/"):
                yield f"{path}: includes {name} from services/"
            if name.startswith("gateway/") and not path.startswith(("gateway/", "services/")):
                yield f"{path}: includes {name} from gateway/"


def names_say_what_things_are():
    for path in SOURCES:
        stem = pathlib.PurePath(path).name.split(".")[0]
        if stem in {"util", "utils", "common", "helpers", "helper", "types", "manager", "misc"}:
            yield f"{path}: a file name that hides what the thing is"


def headers_say_what_they_are():
    for path in SOURCES:
        if path.endswith(".hpp") and not TEXT[path].startswith("//"):
            yield f"{path}: a header opens with two to five lines on what it is"


def nothing_is_left_over():
    for path in SOURCES:
        for number, line in enumerate(TEXT[path].splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                yield f"{path}:{number}: a leftover: {line.strip()}"


def everything_is_built():
    """A source that no meson.build names is a test that never runs, or code that never compiles."""
    for path in SOURCES:
        if not path.endswith(".cpp"):
            continue
        if path not in LISTED:
            yield f"{path}: no meson.build names it"


def listed_sources():
    """Every source that some meson.build names."""
    builds = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*meson.build"], cwd=ROOT, check=True, capture_output=True,
                            text=True).stdout.split()
    return {os.path.normpath(pathlib.PurePath(build).parent / name)
            for build in builds for name in re.findall(r"'([\w./-]+\.cpp)'", (ROOT / build).read_text())}


LISTED = listed_sources()

CHECKS = [cores_are_pure, domain_is_plain, protobuf_stays_at_the_edge, actors_meet_in_messages, nobody_includes_the_edge,
          names_say_what_things_are, headers_say_what_they_are, nothing_is_left_over,
          everything_is_built]


def main():
    failed = 0
    for check in CHECKS:
        findings = list(check())
        failed += bool(findings)
        for finding in findings:
            print(finding)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
