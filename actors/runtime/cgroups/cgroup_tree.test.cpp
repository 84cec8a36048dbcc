#include "actors/runtime/cgroups/cgroup_tree.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace cloudless::runtime {
namespace {

namespace fs = std::filesystem;

/// A folder that looks like the kernel's.
class FakeTree {
 public:
  FakeTree() {
    char name[] = "/tmp/cloudless-cgroups.XXXXXX";
    root_ = ::mkdtemp(name);
  }
  ~FakeTree() { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ + path).substr(0, (root_ + path).rfind('/')));
    std::ofstream(root_ + path) << text;
  }
  void make(const std::string& path) { fs::create_directories(root_ + path); }
  bool has(const std::string& path) const { return fs::exists(root_ + path); }
  CgroupTree tree() const { return CgroupTree(root_, root_ + "/proc"); }

 private:
  std::string root_;
};

const std::string kGroup = "/cloudless/default/web-0123456789-0";

FakeTree v1_tree() {
  FakeTree t;
  t.write("/cpuacct" + kGroup + "/cpuacct.usage", "123456789\n");
  t.write("/cpu" + kGroup + "/cpu.cfs_quota_us", "50000\n");
  t.write("/cpu" + kGroup + "/cpu.cfs_period_us", "100000\n");
  t.write("/memory" + kGroup + "/memory.usage_in_bytes", "10000\n");
  t.write("/memory" + kGroup + "/memory.limit_in_bytes", "67108864\n");
  t.write("/memory" + kGroup + "/memory.failcnt", "0\n");
  t.write("/memory" + kGroup + "/memory.stat",
          "cache 4000\ninactive_file 1\ntotal_inactive_file 3000\ntotal_active_file 1000\n");
  t.write("/memory" + kGroup + "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
  t.write("/pids" + kGroup + "/pids.current", "7\n");
  t.write("/pids" + kGroup + "/pids.max", "100\n");
  t.write("/memory" + kGroup + "/cgroup.procs", "42\n43\n44\n");
  t.write("/proc/42/io",
          "rchar: 5\nwchar: 6\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 9\n");
  t.write("/proc/44/io", "rchar: 5\nwchar: 6\nread_bytes: 1\nwrite_bytes: 2\n");  // 43 has just ended
  return t;
}

FakeTree v2_tree() {
  FakeTree t;
  t.write("/cgroup.controllers", "cpuset cpu io memory pids\n");
  t.write(kGroup + "/cpu.stat", "usage_usec 123456\nuser_usec 1\nsystem_usec 2\n");
  t.write(kGroup + "/cpu.max", "50000 100000\n");
  t.write(kGroup + "/memory.current", "10000\n");
  t.write(kGroup + "/memory.max", "67108864\n");
  t.write(kGroup + "/memory.stat", "anon 6000\nfile 4000\ninactive_file 3000\nactive_file 1000\n");
  t.write(kGroup + "/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n");
  t.write(kGroup + "/pids.current", "7\n");
  t.write(kGroup + "/pids.max", "100\n");
  t.write(kGroup + "/io.stat", "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2\n8:16 rbytes=1 wbytes=2 rios=1\n");
  return t;
}

TEST_CASE("what a group uses is read alike in v1, in a hybrid of both, and in v2") {
  auto hybrid = v1_tree();
  hybrid.write("/unified/cgroup.controllers", "");
  hybrid.make("/unified" + kGroup);
  const FakeTree v1 = v1_tree(), v2 = v2_tree();
  for (const auto* fake : {&v1, static_cast<const FakeTree*>(&hybrid), &v2}) {
    const bool is_v2 = fake == &v2;
    const auto tree = fake->tree();
    CHECK(tree.layout() == (is_v2 ? CgroupLayout::v2 : CgroupLayout::v1));
    const auto usage = tree.usage(kGroup);
    REQUIRE(usage);
    CHECK(usage->cpu_nanos == (is_v2 ? 123456000 : 123456789));
    CHECK(usage->memory_bytes == 7000);  // without files that nobody used lately
    CHECK(usage->processes == 7);
    CHECK(usage->disk_read_bytes == 4097);
    CHECK(usage->disk_written_bytes == 8194);
    CHECK(tree.limits(kGroup).cpu_millicores == 500);
    CHECK(tree.limits(kGroup).memory_bytes == 64 << 20);
    CHECK(tree.limits(kGroup).pids == 100);
    CHECK(tree.memory_in_use(kGroup) == 6000);
    CHECK_FALSE(tree.usage("/cloudless/default/other"));
    CHECK_FALSE(tree.out_of_memory(kGroup));
  }
}

TEST_CASE("a group is in use when processes are in it") {
  for (auto* make : {v1_tree, v2_tree}) {
    auto fake = make();
    const auto tree = fake.tree();
    CHECK_FALSE(tree.in_use("/cloudless/default/other"));
    fake.write((tree.layout() == CgroupLayout::v1 ? "/memory" : "") + kGroup + "/cgroup.procs", "");
    CHECK_FALSE(tree.in_use(kGroup));
    fake.write((tree.layout() == CgroupLayout::v1 ? "/memory" : "") + kGroup + "/cgroup.procs", "42\n");
    CHECK(tree.in_use(kGroup));
  }
}

TEST_CASE("no limit is no number, whatever the kernel calls it") {
  auto v1 = v1_tree();
  v1.write("/memory" + kGroup + "/memory.limit_in_bytes", "9223372036854771712\n");
  v1.write("/cpu" + kGroup + "/cpu.cfs_quota_us", "-1\n");
  v1.write("/pids" + kGroup + "/pids.max", "max\n");
  auto v2 = v2_tree();
  v2.write(kGroup + "/memory.max", "max\n");
  v2.write(kGroup + "/cpu.max", "max 100000\n");
  v2.write(kGroup + "/pids.max", "max\n");
  for (const auto* fake : {&v1, &v2}) {
    const auto limits = fake->tree().limits(kGroup);
    CHECK_FALSE(limits.memory_bytes);
    CHECK_FALSE(limits.cpu_millicores);
    CHECK_FALSE(limits.pids);
  }
}

TEST_CASE("out of memory names the limit that was reached: the container's own, or the node's") {
  struct Case {
    const char* what;
    bool own_reached, node_reached, own_limit;
    const char* text;
  };
  const Case cases[] = {
      {"its own", true, false, true, "out of memory, limit 64 MiB"},
      {"the node's", false, true, true, "out of memory, limit 2 GiB of all containers of this node"},
      {"the node's, without one of its own", false, true, false,
       "out of memory, limit 2 GiB of all containers of this node"},
      {"the machine's", false, false, false,
       "out of memory of the machine: the container has no limit of its own"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    auto v1 = v1_tree();
    v1.write("/memory" + kGroup + "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    v1.write("/memory" + kGroup + "/memory.failcnt", c.own_reached ? "3\n" : "0\n");
    if (!c.own_limit) v1.write("/memory" + kGroup + "/memory.limit_in_bytes", "9223372036854771712\n");
    v1.write("/memory/cloudless/memory.limit_in_bytes", "2147483648\n");
    v1.write("/memory/cloudless/memory.failcnt", c.node_reached ? "1\n" : "0\n");
    CHECK(v1.tree().out_of_memory(kGroup) == std::optional<std::string>{c.text});

    auto v2 = v2_tree();
    v2.write(kGroup + "/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n");
    v2.write(kGroup + "/memory.events.local", c.own_reached ? "max 3\noom 1\n" : "max 0\noom 0\n");
    if (!c.own_limit) v2.write(kGroup + "/memory.max", "max\n");
    v2.write("/cloudless/memory.max", "2147483648\n");
    v2.write("/cloudless/memory.events.local", c.node_reached ? "max 3\noom 1\n" : "max 0\noom 0\n");
    CHECK(v2.tree().out_of_memory(kGroup) == std::optional<std::string>{c.text});
  }
}

TEST_CASE("an empty group goes from every hierarchy; one with others below stays") {
  FakeTree v1;
  for (const char* hierarchy : {"/cpu", "/memory", "/freezer", "/unified"}) v1.make(hierarchy + kGroup);
  v1.tree().remove("/cloudless/default");
  CHECK(v1.has("/memory" + kGroup));
  v1.tree().remove(kGroup);
  v1.tree().remove("/cloudless/default");
  for (const char* hierarchy : {"/cpu", "/memory", "/freezer", "/unified"}) {
    CHECK(v1.has(hierarchy + std::string("/cloudless")));
    CHECK_FALSE(v1.has(hierarchy + std::string("/cloudless/default")));
  }
  FakeTree v2;
  v2.write("/cgroup.controllers", "");
  v2.make(kGroup);
  v2.tree().remove(kGroup);
  CHECK_FALSE(v2.has(kGroup));
  CHECK(v2.has("/cloudless/default"));
}

TEST_CASE("a group is named for namespace and replica, and never like a file of the kernel") {
  CHECK(container_group("/cloudless", "default", "web-0123456789-0") == kGroup);
  CHECK(container_group("/cloudless", "tasks", "a") == "/cloudless/tasks_/a");
}

TEST_CASE("amounts of memory are written as people say them") {
  CHECK(memory_text(64 << 20) == "64 MiB");
  CHECK(memory_text(std::int64_t{3} << 29) == "1536 MiB");
  CHECK(memory_text(std::int64_t{2} << 30) == "2 GiB");
  CHECK(memory_text(1000) == "1000 bytes");
}

}  // namespace
}  // namespace cloudless::runtime
