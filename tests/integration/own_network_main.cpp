// Main of test programs that need a machine's network to themselves: everything, containerd included, runs in
// a network namespace of its own, so that packet rules, kernel parameters and devices of the real machine
// stay as they are.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <sched.h>

#include <cstdio>

#include "tests/support/containerd_fixture.hpp"

int main(int argc, char** argv) {
  // Before anything else: threads that exist already would stay outside.
  if (unshare(CLONE_NEWNET) != 0) {
    std::perror("a network namespace of its own (needs root)");
    return 1;
  }
  cloudless::test::run({"ip", "link", "set", "lo", "up"});
  cloudless::test::run({"sysctl", "-qw", "net.ipv4.ip_forward=0"});
  return doctest::Context(argc, argv).run();
}
