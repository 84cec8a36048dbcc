// The control groups above a node's containers, on this machine's kernel.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "actors/runtime/cgroups/node_groups.hpp"

namespace cloudless::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMebibyte = 1 << 20;

std::string line_of(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// A tree of its own below the machine's root groups; made and removed by what is tested.
struct Groups {
  const std::string parent = "/cloudless-test-" + std::to_string(::getpid());
  const CgroupTree tree;
  const bool v2 = tree.layout() == CgroupLayout::v2;

  ~Groups() {
    std::error_code ignored;
    for (const auto& ns : fs::directory_iterator(folder("memory"), ignored))
      if (ns.is_directory()) tree.remove(parent + "/" + ns.path().filename().string());
    tree.remove(parent);
  }
  std::string folder(const std::string& controller, const std::string& below = {}) const {
    return tree.folder(controller, parent + below);
  }
  /// What runc does.
  void make_container(const std::string& group) const {
    for (const char* controller : {"cpu", "memory"}) fs::create_directories(tree.folder(controller, group));
  }
  std::string memory_limit() const {
    return line_of(folder("memory") + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  }
  std::string cpu_limit() const {
    return v2 ? line_of(folder("cpu") + "/cpu.max") : line_of(folder("cpu") + "/cpu.cfs_quota_us");
  }
  std::string weight(const std::string& ns) const {
    return line_of(folder("cpu", "/" + ns) + (v2 ? "/cpu.weight" : "/cpu.shares"));
  }
};

const Resources kAllocatable{1500, 512 * kMebibyte, 0, 0, 0};

TEST_CASE(
    "groups are made for the first container and limited to what is allocatable, and go with the last") {
  Groups on;
  NodeGroups groups(on.tree, on.parent, kAllocatable, "one");
  const auto group = groups.enter(ContainerId{"a-0-1"}, {"default", ReplicaId{"a-0"}, 250});
  CHECK(group == on.parent + "/default/a-0");
  on.make_container(group);
  CHECK(on.memory_limit() == std::to_string(512 * kMebibyte));
  CHECK(on.cpu_limit() == (on.v2 ? "150000 100000" : "150000"));
  CHECK(on.weight("default") == (on.v2 ? "10" : "256"));

  on.make_container(groups.enter(ContainerId{"b-0-1"}, {"default", ReplicaId{"b-0"}, 750}));
  CHECK(on.weight("default") == (on.v2 ? "39" : "1024"));
  on.make_container(groups.enter(ContainerId{"c-0-1"}, {"other", ReplicaId{"c-0"}, 100}));
  CHECK(on.weight("other") == (on.v2 ? "4" : "102"));

  groups.leave(ContainerId{"b-0-1"});
  CHECK(on.weight("default") == (on.v2 ? "10" : "256"));
  groups.leave(ContainerId{"c-0-1"});
  CHECK_FALSE(fs::exists(on.folder("cpu", "/other")));
  CHECK(fs::exists(on.folder("cpu", "/default")));
  groups.leave(ContainerId{"a-0-1"});
  groups.leave(ContainerId{"a-0-1"});  // harmless
  for (const char* controller : {"cpu", "memory", "pids"}) CHECK_FALSE(fs::exists(on.folder(controller)));

  on.make_container(groups.enter(ContainerId{"a-0-2"}, {"default", ReplicaId{"a-0"}, 250}));
  CHECK(on.memory_limit() == std::to_string(512 * kMebibyte));
  groups.leave(ContainerId{"a-0-2"});
}

TEST_CASE("groups that a crash left are removed once they were empty for a while, and no other") {
  Groups on;
  NodeGroups groups(on.tree, on.parent, {}, "one");
  const auto own = groups.enter(ContainerId{"a-0-1"}, {"default", ReplicaId{"a-0"}, 100});
  on.make_container(own);
  const auto left = on.parent + "/default/left-0", alone = on.parent + "/other/left-1";
  on.make_container(left);
  on.make_container(alone);
  const auto has = [&](const std::string& group) {
    return fs::exists(on.tree.folder("cpu", group)) || fs::exists(on.tree.folder("memory", group));
  };
  groups.sweep();
  CHECK(has(left));
  CHECK(has(alone));
  SUBCASE("empty all the time") {
    groups.sweep();
    CHECK_FALSE(has(left));
    CHECK_FALSE(has(alone));
    CHECK_FALSE(has(on.parent + "/other"));
  }
  SUBCASE("somebody is in it by now") {
    const pid_t stranger = ::fork();
    if (stranger == 0) {
      ::pause();
      ::_exit(0);
    }
    std::ofstream(on.tree.folder("memory", left) + "/cgroup.procs") << stranger << std::flush;
    groups.sweep();
    CHECK(has(left));
    CHECK_FALSE(has(alone));
    ::kill(stranger, SIGKILL);
    ::waitpid(stranger, nullptr, 0);
    groups.sweep();
    CHECK(has(left));
    groups.sweep();
    CHECK_FALSE(has(left));
  }
  CHECK(has(own));
  groups.leave(ContainerId{"a-0-1"});
  CHECK_FALSE(has(on.parent));
}

TEST_CASE("a restart in place keeps the replica's group while one of its containers is there") {
  Groups on;
  NodeGroups groups(on.tree, on.parent, {}, "one");
  on.make_container(groups.enter(ContainerId{"a-0-1"}, {"default", ReplicaId{"a-0"}, 250}));
  groups.enter(ContainerId{"a-0-2"}, {"default", ReplicaId{"a-0"}, 250});
  groups.leave(ContainerId{"a-0-1"});
  CHECK(fs::exists(on.folder("memory", "/default/a-0")));
  CHECK(groups.members().size() == 1);
  groups.leave(ContainerId{"a-0-2"});
  CHECK_FALSE(fs::exists(on.folder("memory")));
}

TEST_CASE("a group with a stranger's processes is not taken") {
  Groups on;
  NodeGroups mine(on.tree, on.parent, {}, "mine");
  const ContainerId container{"a-0-1"};
  const GroupMember member{"default", ReplicaId{"a-0"}, 250, {}};
  on.make_container(mine.enter(container, member));
  mine.leave(container);
  mine.enter(container, member);
  on.make_container(on.parent + "/default/a-0");
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    ::pause();
    ::_exit(0);
  }
  std::ofstream(on.folder("memory", "/default/a-0") + "/cgroup.procs") << stranger << std::endl;
  NodeGroups other(on.tree, on.parent, {}, "other");
  const auto group = other.enter(container, member);
  CHECK(group == on.parent + "/default/a-0_other");
  on.make_container(group);
  NodeGroups later(on.tree, on.parent, {}, "other");
  CHECK(later.enter(container, {"default", ReplicaId{"a-0"}, 250, group}) == group);  // found again
  later.leave(container);
  CHECK_FALSE(fs::exists(on.tree.folder("memory", group)));
  CHECK(fs::exists(on.folder("memory", "/default/a-0")));
  ::kill(stranger, SIGKILL);
  ::waitpid(stranger, nullptr, 0);
  mine.leave(container);
  CHECK_FALSE(fs::exists(on.folder("memory")));
}

TEST_CASE("agents that share a group do not limit each other, and one that is alone again does") {
  Groups on;
  NodeGroups first(on.tree, on.parent, kAllocatable, "one");
  on.make_container(first.enter(ContainerId{"a-0-1"}, {"default", ReplicaId{"a-0"}, 250}));
  CHECK(on.memory_limit() == std::to_string(512 * kMebibyte));
  {
    NodeGroups second(on.tree, on.parent, {250, 64 * kMebibyte, 0, 0, 0}, "two");
    on.make_container(second.enter(ContainerId{"b-0-1"}, {"default", ReplicaId{"b-0"}, 100}));
    CHECK(on.memory_limit() != std::to_string(512 * kMebibyte));
    CHECK(on.memory_limit() != std::to_string(64 * kMebibyte));
    CHECK(on.cpu_limit() == (on.v2 ? "max 100000" : "-1"));
    second.leave(ContainerId{"b-0-1"});
    CHECK(fs::exists(on.folder("memory", "/default/a-0")));  // the other's
  }
  on.make_container(first.enter(ContainerId{"a-1-1"}, {"default", ReplicaId{"a-1"}, 250}));
  CHECK(on.memory_limit() == std::to_string(512 * kMebibyte));
  first.leave(ContainerId{"a-0-1"});
  first.leave(ContainerId{"a-1-1"});
  CHECK_FALSE(fs::exists(on.folder("memory")));
}

}  // namespace
}  // namespace cloudless::runtime
