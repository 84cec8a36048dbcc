// What containers may use, and what they use, on real containerd: read from the control groups of the running
// container's own process.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "actors/runtime/cgroups/cgroup_tree.hpp"
#include "tests/integration/runtime_node.hpp"

namespace cloudless::test {
namespace {

namespace fs = std::filesystem;
using runtime::CgroupLayout;
using runtime::CgroupTree;

constexpr std::int64_t kMebibyte = 1 << 20;

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

std::string first_line(const std::string& file) {
  const auto text = text_of(file);
  return text.substr(0, text.find('\n'));
}

/// The control groups that the kernel says a process is in: its own word, not ours.
class GroupsOf {
 public:
  explicit GroupsOf(std::uint32_t pid) {
    std::istringstream lines(text_of("/proc/" + std::to_string(pid) + "/cgroup"));
    for (std::string line; std::getline(lines, line);) {
      const auto first = line.find(':'), second = line.find(':', first + 1);
      std::istringstream controllers(line.substr(first + 1, second - first - 1));
      const auto path = line.substr(second + 1);
      if (second == first + 1) paths_[""] = path;
      for (std::string controller; std::getline(controllers, controller, ',');) paths_[controller] = path;
    }
  }
  /// A control file of v1, or that of v2.
  std::string read(const std::string& controller, const std::string& v1, const std::string& v2) const {
    if (tree_.layout() == CgroupLayout::v2) return first_line("/sys/fs/cgroup" + paths_.at("") + "/" + v2);
    return first_line("/sys/fs/cgroup/" + controller + paths_.at(controller) + "/" + v1);
  }
  std::string path(const std::string& controller) const {
    return tree_.layout() == CgroupLayout::v2 ? paths_.at("") : paths_.at(controller);
  }
  std::string memory() const { return read("memory", "memory.limit_in_bytes", "memory.max"); }
  std::string pids() const { return read("pids", "pids.max", "pids.max"); }
  std::string cpu() const {
    const auto text = read("cpu", "cpu.cfs_quota_us", "cpu.max");
    return text.substr(0, text.find(' '));
  }
  std::string shares() const { return read("cpu", "cpu.shares", "cpu.weight"); }

 private:
  const CgroupTree tree_;
  std::map<std::string, std::string> paths_;
};

bool unified() {
  return CgroupTree{}.layout() == CgroupLayout::v2;
}

Result<runtime::Nothing> update(RuntimeNode& node, const std::string& name, const ResourceLimits& limits) {
  return outcome(under_way<runtime::Nothing>(
      [&](auto done) { node.port->update_limits(ContainerId{name + "-0"}, limits, std::move(done)); }));
}

std::vector<ContainerUsage> usage(RuntimeNode& node) {
  const auto seen =
      outcome(under_way<std::vector<ContainerUsage>>([&](auto done) { node.port->usage(std::move(done)); }));
  REQUIRE_OK(seen);
  return *seen;
}

ContainerUsage usage_of(RuntimeNode& node, const std::string& name) {
  for (const auto& one : usage(node))
    if (one.replica.value == name) return one;
  return {};
}

TEST_CASE("limits are enforced in a group that names the namespace and the replica") {
  RuntimeNode node("enforced");
  auto request = node.request("a", {"sleep", "100000"});
  request.assignment.pod.requests.cpu_millicores = 250;
  request.assignment.limits = {500, 64 * kMebibyte, std::nullopt, 42};
  const auto started = node.start(request);
  REQUIRE_OK(started);
  const GroupsOf groups(started->pid);
  CHECK(groups.path("memory") == node.options.cgroup_parent + "/default/a");
  CHECK(groups.memory() == std::to_string(64 * kMebibyte));
  CHECK(groups.cpu() == "50000");
  CHECK(groups.pids() == "42");
  CHECK(groups.shares() == (unified() ? "10" : "256"));

  auto plain = node.request("b", {"sleep", "100000"});
  const auto second = node.start(plain);
  REQUIRE_OK(second);
  const GroupsOf unlimited(second->pid);
  CHECK(unlimited.pids() == "4096");
  CHECK(unlimited.cpu() == (unified() ? "max" : "-1"));
  REQUIRE_OK(node.remove("a"));
  REQUIRE_OK(node.remove("b"));
  CHECK(node.traces("a") == "");
  CHECK_FALSE(fs::exists(CgroupTree{}.folder("memory", node.options.cgroup_parent)));
}

TEST_CASE("the pids limit stops a fork bomb inside its container") {
  RuntimeNode node("pids");
  auto request = node.request(
      "a", {"/bin/sh", "-c", "i=0; while [ $i -lt 40 ]; do sleep 1000 & i=$((i+1)); done; echo never"});
  request.assignment.limits.pids = 10;
  const auto started = node.start(request);
  REQUIRE_OK(started);
  CHECK(eventually([&] { return node.log_text("a").find("fork") != std::string::npos; }));
  CHECK(usage_of(node, "a").processes <= 10);
  CHECK(node.printed("a").find("never") == std::string::npos);
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("limits change in place: the same process, also after a restart of the agent; again is harmless") {
  RuntimeNode node("inplace");
  auto request = node.request("a", {"sleep", "100000"});
  request.assignment.limits = {500, 64 * kMebibyte, std::nullopt, 42};
  const auto started = node.start(request);
  REQUIRE_OK(started);
  const GroupsOf groups(started->pid);
  const auto task_pid = [&] {
    const auto seen = node.list();
    REQUIRE_OK(seen);
    REQUIRE(seen->size() == 1);
    CHECK(seen->front().running);
    return seen->front().pid;
  };

  REQUIRE_OK(update(node, "a", {1500, 128 * kMebibyte, std::nullopt, 100}));
  CHECK(groups.memory() == std::to_string(128 * kMebibyte));
  CHECK(groups.cpu() == "150000");
  CHECK(groups.pids() == "100");
  REQUIRE_OK(update(node, "a", {1500, 128 * kMebibyte, std::nullopt, 100}));
  CHECK(task_pid() == started->pid);

  node.open();  // as an agent that was restarted
  REQUIRE_OK(update(node, "a", {250, 32 * kMebibyte, std::nullopt, std::nullopt}));
  CHECK(groups.memory() == std::to_string(32 * kMebibyte));
  CHECK(groups.cpu() == "25000");
  CHECK(groups.pids() == "4096");

  REQUIRE_OK(update(node, "a", {}));  // no limits any more
  CHECK_FALSE(CgroupTree{}.limits(groups.path("memory")).memory_bytes);
  CHECK_FALSE(CgroupTree{}.limits(groups.path("cpu")).cpu_millicores);
  CHECK(task_pid() == started->pid);

  const auto gone = update(node, "other", {});
  REQUIRE_FALSE(gone.has_value());
  CHECK(gone.error().code == Errc::not_found);
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("a memory limit below what is in use is refused, and everything stays as it was") {
  RuntimeNode node("refused");
  // A shell variable of 24 MiB: memory that cannot be taken back. Without the last ":" the shell becomes
  // sleep.
  auto request = node.request(
      "a", {"/bin/sh", "-c", "x=$(head -c 25165824 /dev/zero | tr '\\0' x); echo full; sleep 100000; :"});
  request.assignment.limits = {500, 256 * kMebibyte, std::nullopt, 42};
  const auto started = node.start(request);
  REQUIRE_OK(started);
  REQUIRE(eventually([&] { return node.printed("a") == "full\n"; }));
  const auto refused = update(node, "a", {1000, 16 * kMebibyte, std::nullopt, 50});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK_MESSAGE(refused.error().message.find("memory limit 16 MiB is below the ") == 0,
                refused.error().message);
  const GroupsOf groups(started->pid);
  CHECK(groups.memory() == std::to_string(256 * kMebibyte));
  CHECK(groups.cpu() == "50000");
  CHECK(groups.pids() == "42");
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("another storage limit waits for the next start and says so; the others are put in force") {
  RuntimeNode node("storage");
  const auto started = node.start(node.request("a", {"sleep", "100000"}));
  REQUIRE_OK(started);
  const auto refused = update(node, "a", {std::nullopt, 64 * kMebibyte, 16 * kMebibyte, std::nullopt});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message == "the storage limit stays absent until the container starts anew");
  CHECK(GroupsOf(started->pid).memory() == std::to_string(64 * kMebibyte));
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("an end by memory is told with the limit that was in force, also when nobody was there") {
  RuntimeNode node("oomaway");
  auto request = node.request("a", {"/bin/sh", "-c", "sleep 2; tail /dev/zero"});
  request.assignment.limits.memory_bytes = 64 * kMebibyte;
  REQUIRE_OK(node.start(request));
  REQUIRE_OK(update(node, "a", {std::nullopt, 32 * kMebibyte, std::nullopt, std::nullopt}));
  node.port.reset();  // the agent is gone; the container is not
  REQUIRE(eventually([&] { return node.ctr({"tasks", "list"}).find("STOPPED") != std::string::npos; }));
  node.open();
  const auto seen = node.list();
  REQUIRE_OK(seen);
  REQUIRE(seen->size() == 1);
  REQUIRE(seen->front().exit);
  CHECK(seen->front().exit->exit_code == 137);
  CHECK(seen->front().exit->reason == "out of memory, limit 32 MiB");
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("usage moves with what a container does") {
  RuntimeNode node("usage");
  REQUIRE_OK(node.start_shell("busy", "while :; do :; done"));
  REQUIRE_OK(node.start_shell("idle", "sleep 100000"));
  const auto before = usage_of(node, "busy");
  CHECK(before.container == ContainerId{"busy-0"});
  CHECK(eventually(
      [&] { return usage_of(node, "busy").total.cpu_nanos > before.total.cpu_nanos + 100'000'000; }));
  CHECK(usage_of(node, "idle").processes >= 1);
  CHECK(usage_of(node, "idle").memory_bytes > 0);

  const auto sender = node.start_shell(
      "sender",
      "head -c 10000000 /dev/zero | nc -w 5 $(ip route | cut -d' ' -f3 | head -1) 9 ; sleep 100000");
  REQUIRE_OK(sender);
  // Whether or not somebody listens there, packets went out.
  CHECK(eventually([&] { return usage_of(node, "sender").total.network_sent_bytes > 0; }));
  CHECK(eventually([&] { return usage_of(node, "sender").total.network_received_bytes > 0; }));

  // By a child that has ended when it is looked at, through the kernel's cache.
  REQUIRE_OK(node.start_shell("writer", "dd if=/dev/zero of=/f bs=1M count=8 conv=fsync; sleep 100000; :"));
  CHECK(eventually([&] { return usage_of(node, "writer").total.disk_written_bytes >= 8 * kMebibyte; }));
  CHECK(usage_of(node, "idle").total.disk_written_bytes < kMebibyte);

  REQUIRE_OK(node.start_shell("eater", "x=$(head -c 25165824 /dev/zero | tr '\\0' x); sleep 100000; :"));
  CHECK(eventually([&] { return usage_of(node, "eater").memory_bytes > 24 * kMebibyte; }));

  node.machine.kill_hard();  // without containerd too
  CHECK(usage(node).size() == 5);
  node.machine.start_again();
  for (const char* name : {"busy", "idle", "sender", "writer", "eater"})
    CHECK(eventually([&] { return node.remove(name).has_value(); }));
  CHECK(usage(node).empty());
}

}  // namespace
}  // namespace cloudless::test
