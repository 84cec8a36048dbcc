// Runtime class crun on a real containerd: what runc's containers get and leave, crun's do.
#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "actors/runtime/cgroups/cgroup_tree.hpp"
#include "tests/integration/runtime_node.hpp"

namespace cloudless::test {
namespace {

namespace fs = std::filesystem;
using runtime::CgroupTree;
using runtime::ContainerRequest;

constexpr std::int64_t kMebibyte = 1 << 20;

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

/// A node whose crun is noted when it is called. It sees one version of control groups, also on a machine
/// that has both: it would not run there.
struct CrunNode : RuntimeNode {
  explicit CrunNode(const std::string& name)
      : RuntimeNode(name), calls(machine.folder() + "/" + name + ".log") {
    const auto wrapper = machine.folder() + "/crun-of-one-version";
    std::ofstream(wrapper)
        << "#!/bin/sh\necho \"$@\" >> " << calls
        << "\nexec unshare --mount --propagation slave sh -c 'umount /sys/fs/cgroup/unified "
           "2>/dev/null; exec crun \"$@\"' crun \"$@\"\n";
    fs::permissions(wrapper, fs::perms::owner_all);
    options.policy.runtimes["crun"] = wrapper;
    open();
  }
  ContainerRequest crun(const std::string& name, const std::string& script) const {
    auto out = request(name, {"/bin/sh", "-c", script});
    out.assignment.pod.runtime_class = "crun";
    return out;
  }
  std::string calls;
};

TEST_CASE(
    "containers of runtime class crun are limited, confined, entered, stopped and removed like runc's") {
  REQUIRE_MESSAGE(fs::exists("/usr/bin/crun"), "Debian: crun");
  CrunNode node("crunlife");

  auto request = node.crun("a", "trap 'exit 7' TERM; touch /x && echo written; while :; do sleep 0.05; done");
  request.assignment.limits = {500, 64 * kMebibyte, std::nullopt, 42};
  request.assignment.pod.security.capabilities_drop = {"ALL"};
  const auto started = node.start(request);
  REQUIRE_OK(started);
  CHECK(eventually([&] { return node.printed("a").ends_with("written\n"); }));
  CHECK(text_of(node.calls).find(" create ") != std::string::npos);

  const auto limits = CgroupTree{}.limits(node.options.cgroup_parent + "/default/a");
  CHECK(limits.memory_bytes == 64 * kMebibyte);
  CHECK(limits.cpu_millicores == 500);
  CHECK(limits.pids == 42);
  const auto status = text_of("/proc/" + std::to_string(started->pid) + "/status");
  for (const char* line : {"CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"})
    CHECK_MESSAGE(status.find(line) != std::string::npos, status);

  const auto address = node.exec("a", {"hostname", "-i"});
  REQUIRE_OK(address);
  CHECK(address->stdout_data == started->address + "\n");
  const auto late = node.exec("a", {"/bin/sh", "-c", "sleep 1234567 & echo begun; wait"}, {}, 2000);
  REQUIRE_OK(late);
  CHECK(late->timed_out);
  CHECK(eventually([&] {
    const auto processes = node.exec("a", {"ps"});
    return processes && processes->stdout_data.find("1234567") == std::string::npos;
  }));

  REQUIRE_OK(outcome(under_way<runtime::Nothing>([&](auto done) {
    node.port->update_limits(ContainerId{"a-0"}, {250, 96 * kMebibyte, std::nullopt, 50}, std::move(done));
  })));
  CHECK(CgroupTree{}.limits(node.options.cgroup_parent + "/default/a").memory_bytes == 96 * kMebibyte);

  SUBCASE("stopped") {
    REQUIRE_OK(node.signal("a", SIGTERM));
    const auto exit = node.wait("a");
    REQUIRE_OK(exit);
    CHECK(exit->exit_code == 7);
  }
  SUBCASE("over before the next agent looks, which sees its exit code") {
    node.open();
    REQUIRE(kill(static_cast<pid_t>(started->pid), SIGTERM) == 0);
    REQUIRE(eventually([&] { return node.ctr({"tasks", "list"}).find("STOPPED") != std::string::npos; }));
    const auto seen = node.list();
    REQUIRE_OK(seen);
    REQUIRE(seen->size() == 1);
    CHECK(seen->front().exit.value_or(runtime::ContainerExit{}).exit_code == 7);
  }
  SUBCASE("adopted by the next agent, and removed while it runs") {
    node.open();
    const auto seen = node.list();
    REQUIRE_OK(seen);
    REQUIRE(seen->size() == 1);
    CHECK(seen->front().running);
    CHECK(seen->front().pid == started->pid);
  }
  REQUIRE_OK(node.remove("a"));
  CHECK(node.traces("a") == "");
  CHECK_FALSE(fs::exists(CgroupTree{}.folder("memory", node.options.cgroup_parent)));
}

TEST_CASE("what cannot run as crun says why, and memory that is used up is told") {
  REQUIRE_MESSAGE(fs::exists("/usr/bin/crun"), "Debian: crun");
  CrunNode node("crunbad");
  auto missing = node.crun("a", "");
  missing.assignment.pod.command = {"/no/such"};
  const auto refused = node.start(missing);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK_MESSAGE(
      refused.error().message.find("command \"/no/such\" does not exist in the image") != std::string::npos,
      refused.error().message);
  CHECK(node.traces("a") == "");

  auto eater = node.crun("b", "tail /dev/zero");
  eater.assignment.limits.memory_bytes = 32 * kMebibyte;
  REQUIRE_OK(node.start(eater));
  const auto exit = node.wait("b");
  REQUIRE_OK(exit);
  CHECK(exit->exit_code == 137);
  CHECK(exit->reason == "out of memory, limit 32 MiB");
  REQUIRE_OK(node.remove("b"));
  CHECK(node.traces("b") == "");
}

}  // namespace
}  // namespace cloudless::test
