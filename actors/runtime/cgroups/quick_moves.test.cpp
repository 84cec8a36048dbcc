#include "actors/runtime/cgroups/quick_moves.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace cloudless::runtime {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{20};

/// A folder with the own group in it, and what the kernel says of it.
struct Machine {
  std::string root;

  explicit Machine(const std::string& own, const std::string& group) {
    char name[] = "/tmp/cloudless-moves.XXXXXX";
    root = ::mkdtemp(name);
    std::ofstream(root + "/own") << own;
    fs::create_directories(root + group);
    std::ofstream(root + group + "/cgroup.procs") << "";
    file = root + group + "/cgroup.procs";
  }
  ~Machine() { fs::remove_all(root); }

  std::string text() const {
    std::string line;
    std::ifstream in(file);
    std::getline(in, line);
    return line;
  }
  void forget() const { fs::resize_file(file, 0); }
  /// Written again since it was forgotten.
  bool is_written() const {
    const auto end = Steady::now() + kPatience;
    while (text() != "0" && Steady::now() < end) std::this_thread::yield();
    return text() == "0";
  }

  std::string file;
};

TEST_CASE("while something is being started this process is moved to where it is, in v1's hierarchy") {
  const Machine machine("3:cpuset:/other\n8:cpuacct,pids:/system/agent\n0::/\n", "/pids/system/agent");
  QuickMoves moves(machine.root, machine.root + "/own");
  CHECK(machine.text() == "");
  {
    const auto first = moves.keep();
    CHECK(machine.is_written());
    machine.forget();
    CHECK(machine.is_written());
  }
  const auto again = moves.keep();
  machine.forget();
  CHECK(machine.is_written());
}

TEST_CASE("in v2's hierarchy, and in its root") {
  for (const char* group : {"/", "/system/agent"}) {
    const Machine machine(std::string("0::") + group + "\n", group);
    std::ofstream(machine.root + "/cgroup.controllers") << "pids\n";
    QuickMoves moves(machine.root, machine.root + "/own");
    const auto kept = moves.keep();
    CHECK(machine.is_written());
  }
}

TEST_CASE("it goes on until the last of several has started, and then rests") {
  const Machine machine("8:pids:/agent\n", "/pids/agent");
  {
    QuickMoves moves(machine.root, machine.root + "/own");
    auto first = moves.keep();
    auto second = moves.keep();
    first.reset();
    machine.forget();
    CHECK(machine.is_written());
    second.reset();
  }
  machine.forget();
  CHECK(machine.text() == "");
}

TEST_CASE("a group that is not there, or is not named, is left alone") {
  const Machine machine("8:pids:/elsewhere\n", "/pids/agent");
  QuickMoves elsewhere(machine.root, machine.root + "/own");
  CHECK(elsewhere.keep() == nullptr);
  QuickMoves unnamed(machine.root, machine.root + "/nothing");
  CHECK(unnamed.keep() == nullptr);
}

}  // namespace
}  // namespace cloudless::runtime
