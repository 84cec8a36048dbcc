// A container on a real containerd: from its start to its end, what it may use, and what keeps it from
// starting.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST_CASE("a container starts, ends with its exit code, and leaves nothing but its log") {
  RuntimeNode node("life");
  REQUIRE_OK(node.prepare(node.image, ImagePullPolicy::if_not_present));
  const auto started = node.start_shell("a", "echo out; echo err >&2; sleep 0.1; exit 42");
  REQUIRE_OK(started);
  CHECK(started->pid > 0);
  CHECK(started->address.starts_with("10."));
  const auto exit = node.wait("a");
  REQUIRE_OK(exit);
  CHECK(exit->exit_code == 42);
  CHECK(exit->exited_at >= started->started_at);
  CHECK(exit->reason == "");
  SUBCASE("the exit code stays until it is removed") {
    const auto again = node.wait("a");
    REQUIRE_OK(again);
    CHECK(again->exit_code == 42);
  }
  REQUIRE_OK(node.remove("a"));
  CHECK(node.traces("a") == "");
  CHECK(node.log_text("a").find(" stdout F out\n") != std::string::npos);
  CHECK(node.log_text("a").find(" stderr F err\n") != std::string::npos);
  SUBCASE("removing again succeeds") {
    REQUIRE_OK(node.remove("a"));
  }
}

/// A node that expects a container, which is there and waits.
struct ExpectingNode : RuntimeNode {
  explicit ExpectingNode(const std::string& name)
      : RuntimeNode(name),
        request(RuntimeNode::request("a", {"/bin/sh", "-c", "echo ran; exec sleep 100000"})) {
    const auto prepared = prepare(image, ImagePullPolicy::if_not_present);
    REQUIRE_OK(prepared);
    request.assignment.image.digest = prepared->digest;
    fs::remove(log_file("a"));  // another case's
    port->expect(request);
    REQUIRE(eventually([&] { return waiting_process() != 0; }));
  }

  /// The first process of the container that containerd has created and not started; 0: there is none.
  std::uint32_t waiting_process() {
    std::istringstream tasks(ctr({"tasks", "list"}));
    std::uint32_t pid = 0;
    for (std::string line, id, status; std::getline(tasks, line);)
      if (std::istringstream(line) >> id >> pid >> status && id == "a-0" && status == "CREATED") return pid;
    return 0;
  }

  void check_running(const Result<StartedContainer>& started) {
    REQUIRE_OK(started);
    CHECK(eventually([&] { return printed("a") == "ran\n"; }));
    const auto address = exec("a", {"hostname", "-i"});
    REQUIRE_OK(address);
    CHECK(address->stdout_data == started->address + "\n");
  }

  ContainerRequest request;
};

TEST_CASE("a container that is expected waits without running anything, is what its start takes, and goes") {
  ExpectingNode node("expect");
  const auto waiting = node.waiting_process();
  const auto seen = node.list();
  REQUIRE_OK(seen);
  REQUIRE(seen->size() == 1);
  CHECK_FALSE(seen->front().running);
  CHECK_FALSE(seen->front().exit);
  CHECK(node.printed("a") == "");
  SUBCASE("removed") {}
  SUBCASE("started") {
    const auto started = node.start(node.request);
    node.check_running(started);
    CHECK(started->pid == waiting);
  }
  SUBCASE("started with other limits") {
    node.request.assignment.limits.memory_bytes = 48 << 20;
    node.check_running(node.start(node.request));
    const bool v1 = fs::exists("/sys/fs/cgroup/memory");
    std::ifstream limit(node.cgroup_of("a", "memory") + (v1 ? "/memory.limit_in_bytes" : "/memory.max"));
    std::int64_t bytes = 0;
    CHECK((limit >> bytes && bytes == 48 << 20));
  }
  SUBCASE("started from other bytes") {
    auto other = node.request;
    other.assignment.image.digest = "sha256:" + std::string(64, 'a');
    node.port->expect(other);
    node.check_running(node.start(node.request));
  }
  SUBCASE("its agent was killed, and the next one expects it again") {
    node.open();
    node.port->expect(node.request);
    node.check_running(node.start(node.request));
  }
  SUBCASE("its agent was killed, and the next one takes it away") {
    node.open();
    const auto found = node.list();
    REQUIRE_OK(found);
    REQUIRE(found->size() == 1);
    CHECK_FALSE(found->front().running);
    CHECK_FALSE(found->front().exit);
  }
  SUBCASE("its agent and its first process were killed: it never ran, and has no exit code") {
    node.open();
    REQUIRE(kill(static_cast<pid_t>(waiting), SIGKILL) == 0);
    REQUIRE(eventually([&] { return node.ctr({"tasks", "list"}).find("STOPPED") != std::string::npos; }));
    const auto found = node.list();
    REQUIRE_OK(found);
    REQUIRE(found->size() == 1);
    CHECK_FALSE(found->front().running);
    CHECK_FALSE(found->front().exit);
  }
  SUBCASE("its first process was killed") {
    REQUIRE(kill(static_cast<pid_t>(waiting), SIGKILL) == 0);
    REQUIRE(eventually([&] { return node.waiting_process() == 0; }));
    node.check_running(node.start(node.request));
  }
  SUBCASE("containerd was killed") {
    node.machine.kill_hard();
    node.machine.start_again();
    node.check_running(node.start(node.request));
  }
  REQUIRE_OK(node.remove("a"));
  CHECK(node.traces("a") == "");
}

TEST_CASE("what may have run is not run again by the same start") {
  RuntimeNode node("expect-ran");
  const auto runtime = node.machine.folder() + "/starts-and-fails";
  std::ofstream(runtime) << "#!/bin/sh\ncase \" $* \" in\n*' start '*) runc \"$@\"; until grep -q ran '"
                         << node.log_file("a")
                         << "'; do sleep 0.02; done; exit 1 ;;\nesac\nexec runc \"$@\"\n";
  fs::permissions(runtime, fs::perms::owner_all);
  node.options.policy.runtimes["strange"] = runtime;
  node.open();
  const auto prepared = node.prepare(node.image, ImagePullPolicy::if_not_present);
  REQUIRE_OK(prepared);
  auto request = node.request("a", {"/bin/sh", "-c", "echo ran; exec sleep 100000"});
  request.assignment.pod.runtime_class = "strange";
  request.assignment.image.digest = prepared->digest;
  node.port->expect(request);
  CHECK_FALSE(node.start(request).has_value());
  CHECK(node.printed("a") == "ran\n");
  CHECK(node.traces("a") == "");
}

TEST_CASE("what cannot be made beforehand is said by its start") {
  RuntimeNode node("expect-bad");
  const auto prepared = node.prepare(node.image, ImagePullPolicy::if_not_present);
  REQUIRE_OK(prepared);
  auto request = node.request("a", {"/no/such"});
  request.assignment.image.digest = prepared->digest;
  node.port->expect(request);
  const auto started = node.start(request);
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().code == Errc::failed_precondition);
  CHECK(started.error().message.find("does not exist in the image") != std::string::npos);
  CHECK(node.traces("a") == "");
}

TEST_CASE("containerd's garbage collector takes no container's root file system, whenever it comes") {
  RuntimeNode node("collected");
  REQUIRE_OK(node.prepare(node.image, ImagePullPolicy::if_not_present));
  std::atomic<bool> over{false};
  std::thread collector([&] {
    while (!over) {  // a lease that goes at once brings the collector
      node.ctr({"leases", "create", "--id", "passing"});
      node.ctr({"leases", "delete", "--sync", "passing"});
    }
  });
  std::string failed;
  for (int i = 0; i < 20 && failed.empty(); ++i) {
    const auto started = node.start_shell("a", "echo ran; exec sleep 100000");
    if (!started) failed = started.error().message;
    const auto removed = node.remove("a");
    if (!removed) failed += removed.error().message;
  }
  over = true;
  collector.join();
  CHECK(failed == "");
  CHECK(node.traces("a") == "");
}

TEST_CASE("SIGTERM reaches the first process; SIGKILL ends one that does not listen") {
  RuntimeNode node("stop");
  REQUIRE_OK(node.start_shell("polite", "trap 'exit 7' TERM; while :; do sleep 0.05; done"));
  REQUIRE_OK(node.start_shell("stubborn", "trap '' TERM; while :; do sleep 0.05; done"));
  auto polite = node.begin_wait("polite");
  auto stubborn = node.begin_wait("stubborn");
  REQUIRE_OK(node.exec("polite", {"sleep", "0.2"}));  // the traps are set by then
  REQUIRE_OK(node.signal("polite", SIGTERM));
  REQUIRE_OK(node.signal("stubborn", SIGTERM));
  const auto left = outcome(std::move(polite));
  REQUIRE_OK(left);
  CHECK(left->exit_code == 7);
  CHECK(stubborn.wait_for(300ms) == std::future_status::timeout);
  REQUIRE_OK(node.signal("stubborn", SIGKILL));
  const auto killed = outcome(std::move(stubborn));
  REQUIRE_OK(killed);
  CHECK(killed->exit_code == 128 + SIGKILL);
  CHECK(node.signal("stubborn", SIGTERM).error().code == Errc::not_found);
  REQUIRE_OK(node.remove("polite"));
  REQUIRE_OK(node.remove("stubborn"));
  CHECK(node.traces("polite") + node.traces("stubborn") == "");
}

TEST_CASE("a running container is removed completely, and its id can be used again") {
  RuntimeNode node("again");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  REQUIRE_OK(node.remove("a"));
  CHECK(node.traces("a") == "");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  REQUIRE_OK(node.start_shell("a", "sleep 100001"));  // what is left from before is removed first
  const auto seen = node.list();
  REQUIRE_OK(seen);
  REQUIRE(seen->size() == 1);
  CHECK(seen->front().running);
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("what cannot run fails with the reason and leaves nothing behind") {
  RuntimeNode node("bad");
  struct Case {
    const char* name;
    std::function<void(ContainerRequest&)> spoil;
    Errc code;
    const char* message;
  };
  const std::vector<Case> cases = {
      {"command", [](auto& r) { r.assignment.pod.command = {"/no/such"}; }, Errc::failed_precondition,
       "command \"/no/such\" does not exist in the image"},
      {"path", [](auto& r) { r.assignment.pod.command = {"nosuch"}; }, Errc::failed_precondition,
       "command \"nosuch\" does not exist in the image"},
      {"folder", [](auto& r) { r.assignment.pod.command = {"/etc"}; }, Errc::failed_precondition,
       "cannot be executed"},
      {"cwd", [](auto& r) { r.assignment.pod.working_dir = "/etc/passwd/x"; }, Errc::failed_precondition,
       "working directory"},
      {"image", [](auto& r) { r.assignment.pod.image = "cloudless.test/none:1"; }, Errc::not_found,
       "image cloudless.test/none:1 is not on this node"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    auto request = node.request(c.name, {"sleep", "100000"});
    c.spoil(request);
    const auto started = node.start(request);
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == c.code);
    CHECK_MESSAGE(started.error().message.find(c.message) != std::string::npos, started.error().message);
    CHECK(node.traces(c.name) == "");
  }
  SUBCASE("an image that may not be pulled is missing") {
    const auto missing = node.prepare("cloudless.test/none:1", ImagePullPolicy::never);
    CHECK(missing.error().code == Errc::not_found);
  }
  SUBCASE("a registry that is down is said to be") {
    const auto down = node.prepare("127.0.0.1:1/none:1", ImagePullPolicy::if_not_present);
    REQUIRE_FALSE(down.has_value());
    CHECK(down.error().code == Errc::unavailable);
    CHECK_MESSAGE(down.error().message.find("registry cannot be reached") != std::string::npos,
                  down.error().message);
  }
}

TEST_CASE("what a container may use and see is what its spec says") {
  RuntimeNode node("limits");
  const bool v1 = fs::exists("/sys/fs/cgroup/memory");
  const std::string limits = v1 ? "cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max"
                                : "cat memory.max; cut -d' ' -f1 cpu.max; cat pids.max";
  // The container's first process says it: a process that joins later may have another root in a chroot.
  auto request = node.request(
      "a", {"/bin/sh", "-c",
            "pwd; cd /sys/fs/cgroup; " + limits +
                "; echo $GREETING; echo $HOSTNAME; hostname; echo $CLOUDLESS_REPLICA $CLOUDLESS_NODE; "
                "grep NoNewPrivs /proc/self/status; mount -t tmpfs none /tmp 2>/dev/null || echo refused; "
                "echo $$"});
  auto& pod = request.assignment.pod;
  pod.requests.cpu_millicores = 250;
  request.assignment.limits = {500, 64 << 20};
  pod.env = {{"GREETING", "hello world"}};
  pod.working_dir = "/tmp";
  REQUIRE_OK(node.start(request));
  REQUIRE_OK(node.wait("a"));
  REQUIRE_OK(node.remove("a"));
  CHECK(eventually([&] { return node.printed("a").find("refused\n1\n") != std::string::npos; }));
  CHECK(node.printed("a") ==
        "/tmp\n67108864\n50000\n4096\nhello world\na\na\na limits\nNoNewPrivs:\t1\nrefused\n1\n");
}

TEST_CASE("a container that runs out of memory says so") {
  RuntimeNode node("oom");
  auto request = node.request("a", {"tail", "/dev/zero"});
  request.assignment.limits.memory_bytes = 16 << 20;
  REQUIRE_OK(node.start(request));
  const auto exit = node.wait("a");
  REQUIRE_OK(exit);
  CHECK(exit->exit_code == 137);
  CHECK(exit->reason == "out of memory, limit 16 MiB");
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("ten containers start, end and go at the same time") {
  RuntimeNode node("many");
  std::vector<std::future<Result<StartedContainer>>> starting;
  for (int i = 0; i < 10; ++i)
    starting.push_back(
        node.begin(node.request("m" + std::to_string(i), {"/bin/sh", "-c", "exit " + std::to_string(i)})));
  std::vector<std::string> addresses;
  for (auto& s : starting) {
    const auto started = outcome(std::move(s));
    REQUIRE_OK(started);
    addresses.push_back(started->address);
  }
  std::sort(addresses.begin(), addresses.end());
  CHECK(std::adjacent_find(addresses.begin(), addresses.end()) == addresses.end());
  for (int i = 0; i < 10; ++i) {
    const auto exit = node.wait("m" + std::to_string(i));
    REQUIRE_OK(exit);
    CHECK(exit->exit_code == i);
  }
  std::vector<std::future<Result<Nothing>>> removing;
  for (int i = 0; i < 10; ++i) removing.push_back(node.begin_remove("m" + std::to_string(i)));
  for (auto& r : removing) REQUIRE_OK(outcome(std::move(r)));
  for (int i = 0; i < 10; ++i) CHECK(node.traces("m" + std::to_string(i)) == "");
}

}  // namespace
