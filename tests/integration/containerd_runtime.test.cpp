// The runtime port on a real containerd: what the agent relies on, and what it survives.
#include "actors/runtime/containerd/containerd_runtime.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/images.hpp"
#include "actors/runtime/containerd/log_format.hpp"
#include "actors/runtime/containerd/network.hpp"
#include "tests/support/containerd_fixture.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using cloudless::test::ContainerdFixture;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto kPatience = 60s;

/// One containerd for all tests of this program.
ContainerdFixture& containerd() {
  static ContainerdFixture fixture;
  return fixture;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

template <class T>
std::future<Result<T>> under_way(const std::function<void(Done<T>)>& call) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  call([promise](Result<T> result) { promise->set_value(std::move(result)); });
  return future;
}

template <class T>
Result<T> outcome(std::future<Result<T>> future) {
  if (future.wait_for(kPatience) != std::future_status::ready)
    return fail(Errc::deadline_exceeded, "the test waited too long");
  return future.get();
}

/// A node with its runtime, called as if it were blocking.
struct Node {
  ContainerdFixture& machine;
  ContainerdOptions options;
  std::string image;
  std::unique_ptr<RuntimePort> port;

  explicit Node(const std::string& name, ContainerdFixture& fixture = containerd())
      : machine(fixture), options(fixture.options(name)) {
    image = machine.import_image(namespace_of(options));
    open();
  }
  void open() {
    port.reset();
    auto made = make_containerd_runtime(options);
    REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
    port = std::move(*made);
  }

  ContainerRequest request(const std::string& name, std::vector<std::string> command) const {
    ContainerRequest out;
    out.container = ContainerId{name + "-0"};
    out.assignment.replica = ReplicaId{name};
    out.assignment.workload = WorkloadUid{"0123456789"};
    out.assignment.ns = "default";
    out.assignment.workload_name = "web";
    out.assignment.version = 3;
    out.assignment.pod.image = image;
    out.assignment.pod.command = std::move(command);
    return out;
  }
  std::future<Result<StartedContainer>> begin(const ContainerRequest& r) {
    return under_way<StartedContainer>([&](auto done) { port->start(r, std::move(done)); });
  }
  Result<StartedContainer> start(const ContainerRequest& r) { return outcome(begin(r)); }
  Result<StartedContainer> start_shell(const std::string& name, const std::string& script) {
    return start(request(name, {"/bin/sh", "-c", script}));
  }
  std::future<Result<ContainerExit>> begin_wait(const std::string& name) {
    return under_way<ContainerExit>(
        [&](auto done) { port->wait(ContainerId{name + "-0"}, std::move(done)); });
  }
  Result<ContainerExit> wait(const std::string& name) { return outcome(begin_wait(name)); }
  Result<Nothing> signal(const std::string& name, int number) {
    return outcome(under_way<Nothing>(
        [&](auto done) { port->signal(ContainerId{name + "-0"}, number, std::move(done)); }));
  }
  Result<Nothing> remove(const std::string& name) {
    return outcome(
        under_way<Nothing>([&](auto done) { port->remove(ContainerId{name + "-0"}, std::move(done)); }));
  }
  Result<std::vector<ObservedContainer>> list() {
    return outcome(
        under_way<std::vector<ObservedContainer>>([&](auto done) { port->list(std::move(done)); }));
  }
  Result<Nothing> prepare(const std::string& name, ImagePullPolicy policy) {
    return outcome(
        under_way<Nothing>([&](auto done) { port->prepare_image(name, policy, std::move(done)); }));
  }
  Result<ExecResult> exec(const std::string& name, std::vector<std::string> command, std::string input = {},
                          Millis timeout = 30000) {
    ExecQuery query;
    query.command = std::move(command);
    query.stdin_data = std::move(input);
    query.timeout = timeout;
    return outcome(under_way<ExecResult>(
        [&](auto done) { port->exec(ContainerId{name + "-0"}, query, std::move(done)); }));
  }

  std::string log_file(const std::string& name) const { return port->log_path(ContainerId{name + "-0"}); }
  std::string log_text(const std::string& name) const {
    std::ifstream in(log_file(name), std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), {});
  }
  std::string link(const std::string& name) const {
    return Network(options.bridge, *parse_subnet(options.subnet), namespace_of(options))
        .link_name(ContainerId{name + "-0"});
  }
  std::string ctr(std::vector<std::string> arguments) const {
    return machine.ctr(namespace_of(options), std::move(arguments)).output;
  }
  /// What is left of a container anywhere, in words; empty: nothing.
  std::string traces(const std::string& name) const {
    const auto id = name + "-0";
    std::string left;
    if (ctr({"tasks", "list", "-q"}).find(id) != std::string::npos) left += " task";
    if (ctr({"containers", "list", "-q"}).find(id) != std::string::npos) left += " container";
    if (ctr({"snapshots", "list"}).find(id) != std::string::npos) left += " snapshot";
    if (if_nametoindex(link(name).c_str()) != 0) left += " link";
    if (fs::exists(options.state_dir + "/loggers/" + id)) left += " logger";
    if (fs::exists(options.state_dir + "/runc/" + namespace_of(options) + "/" + id)) left += " runc";
    const auto mounts = test::run({"cat", "/proc/self/mounts"}).output;
    if (mounts.find("/" + id + "/") != std::string::npos) left += " mount";
    return left;
  }
};

#define REQUIRE_OK(result)                                                      \
  do {                                                                          \
    const auto& r_ = (result);                                                  \
    REQUIRE_MESSAGE(r_.has_value(), (r_ ? std::string() : r_.error().message)); \
  } while (false)

TEST_CASE("a container starts, ends with its exit code, and leaves nothing but its log") {
  Node node("life");
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

TEST_CASE("SIGTERM reaches the first process; SIGKILL ends one that does not listen") {
  Node node("stop");
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
  Node node("again");
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

TEST_CASE("exec runs a command with input, both outputs, exit code and time limit") {
  Node node("exec");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  SUBCASE("both outputs and the exit code come back") {
    const auto result = node.exec("a", {"/bin/sh", "-c", "echo out; echo err >&2; exit 7"});
    REQUIRE_OK(result);
    CHECK(result->stdout_data == "out\n");
    CHECK(result->stderr_data == "err\n");
    CHECK(result->exit_code == 7);
    CHECK_FALSE(result->timed_out);
  }
  SUBCASE("input arrives whole and ends") {
    const std::string input(300000, 'x');
    const auto result = node.exec("a", {"wc", "-c"}, input);
    REQUIRE_OK(result);
    CHECK(result->stdout_data == "300000\n");
  }
  SUBCASE("a command that takes too long is killed") {
    const auto result = node.exec("a", {"/bin/sh", "-c", "echo begun; exec sleep 4711"}, {}, 1000);
    REQUIRE_OK(result);
    CHECK(result->timed_out);
    CHECK(result->stdout_data == "begun\n");
    const auto ps = node.exec("a", {"ps"});
    REQUIRE_OK(ps);
    CHECK(ps->stdout_data.find("4711") == std::string::npos);
  }
  SUBCASE("output beyond the limit is cut, and said to be") {
    const auto result = node.exec("a", {"/bin/sh", "-c", "head -c 3000000 /dev/zero"});
    REQUIRE_OK(result);
    CHECK(result->truncated);
    CHECK(result->stdout_data.size() == 1 << 20);
    CHECK(result->exit_code == 0);
  }
  SUBCASE("a command that does not exist says so") {
    const auto result = node.exec("a", {"/no/such"});
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::failed_precondition);
    CHECK(result.error().message == "command \"/no/such\" does not exist in the image");
  }
  SUBCASE("there must be such a container") {
    CHECK(node.exec("b", {"true"}).error().code == Errc::not_found);
  }
  CHECK((!fs::exists(node.options.state_dir + "/exec") || fs::is_empty(node.options.state_dir + "/exec")));
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("what cannot run fails with the reason and leaves nothing behind") {
  Node node("bad");
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

void run_from_another_namespace(Node& node) {
  auto& machine = node.machine;
  REQUIRE(machine.ctr(namespace_of(node.options), {"images", "rm", "--sync", node.image}).exit_code == 0);
  REQUIRE_FALSE(node.start_shell("a", "true").has_value());
  machine.import_image("k8s.io");
  REQUIRE_OK(node.prepare(node.image, ImagePullPolicy::if_not_present));
  // The copy stands on its own: neither the original's end nor a garbage collection takes it away.
  REQUIRE(machine.ctr("k8s.io", {"images", "rm", "--sync", node.image}).exit_code == 0);
  REQUIRE_OK(node.start_shell("a", "exit 5"));
  const auto exit = node.wait("a");
  REQUIRE_OK(exit);
  CHECK(exit->exit_code == 5);
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("an image of another containerd namespace is taken over, unpacked and runs") {
  Node node("taken");
  run_from_another_namespace(node);
}

TEST_CASE("an image is taken over where containerd keeps the namespaces' blobs apart") {
  ContainerdFixture apart(
      "[plugins.\"io.containerd.metadata.v1.bolt\"]\n  content_sharing_policy = \"isolated\"\n");
  Node node("apart", apart);
  run_from_another_namespace(node);
}

TEST_CASE(
    "100,000 lines of each stream arrive complete and in order, also when the logger is killed all the "
    "time") {
  bool kill_loggers = false;
  SUBCASE("in peace") {}
  SUBCASE("under fire") {
    kill_loggers = true;
  }
  Node node(kill_loggers ? "logs-killed" : "logs");
  const std::string count = "i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done";
  REQUIRE_OK(
      node.start_shell("a", "(" + count + ") & (" + count + ") >&2; wait; printf unfinished; sleep 0.1"));
  auto exit = node.begin_wait("a");
  int kills = 0;
  const auto pid_file = node.options.state_dir + "/loggers/a-0/pid";
  while (kill_loggers && exit.wait_for(20ms) == std::future_status::timeout) {
    pid_t logger = 0;
    std::ifstream(pid_file) >> logger;
    if (logger > 0 && kill(logger, SIGKILL) == 0) ++kills;
  }
  const auto ended = outcome(std::move(exit));
  REQUIRE_OK(ended);
  CHECK(ended->exit_code == 0);
  REQUIRE_OK(node.remove("a"));
  CHECK(node.traces("a") == "");
  if (kill_loggers) CHECK(kills > 3);

  std::ifstream in(node.log_file("a"));
  int next[2] = {0, 0};
  std::string tail;
  for (std::string text; std::getline(in, text);) {
    const auto line = parse_log_line(text);
    REQUIRE_MESSAGE(line.has_value(), text);
    auto& n = next[line->is_stderr ? 1 : 0];
    if (n < 100000) {
      REQUIRE(line->kind == LineKind::full);
      REQUIRE(line->text == "line " + std::to_string(n));
    } else {
      tail += line->text;
    }
    ++n;
  }
  CHECK(next[1] == 100000);
  CHECK(tail.substr(0, 100) == "unfinished");
}

TEST_CASE("an image is pulled from a registry, and what goes wrong there is said") {
  Node node("pull");
  const test::Registry registry(containerd().image_layout());
  const auto at = registry.address();
  SUBCASE("it runs from the node's own namespace afterwards") {
    const auto image = at + "/team/busybox:v1";
    REQUIRE_OK(node.prepare(image, ImagePullPolicy::if_not_present));
    auto request = node.request("a", {"/bin/sh", "-c", "exit 6"});
    request.assignment.pod.image = image;
    REQUIRE_OK(node.start(request));
    const auto exit = node.wait("a");
    REQUIRE_OK(exit);
    CHECK(exit->exit_code == 6);
    REQUIRE_OK(node.remove("a"));
    REQUIRE_OK(node.prepare(image, ImagePullPolicy::always));
    REQUIRE_OK(node.prepare(image, ImagePullPolicy::never));
  }
  SUBCASE("ten replicas that need it at the same time all get it") {
    std::vector<std::future<Result<Nothing>>> pulls;
    for (int i = 0; i < 10; ++i)
      pulls.push_back(under_way<Nothing>([&](auto done) {
        node.port->prepare_image(at + "/team/many:v1", ImagePullPolicy::if_not_present, std::move(done));
      }));
    for (auto& pull : pulls) REQUIRE_OK(outcome(std::move(pull)));
  }
  SUBCASE("an image that is not there") {
    const auto missing = node.prepare(at + "/missing/x:v1", ImagePullPolicy::if_not_present);
    REQUIRE_FALSE(missing.has_value());
    CHECK_MESSAGE(missing.error().code == Errc::not_found, missing.error().message);
  }
  SUBCASE("an image that needs credentials") {
    const auto refused = node.prepare(at + "/private/x:v1", ImagePullPolicy::if_not_present);
    REQUIRE_FALSE(refused.has_value());
    CHECK_MESSAGE(refused.error().code == Errc::permission_denied, refused.error().message);
  }
}

TEST_CASE("an unfinished line is in the log before the container ends") {
  Node node("partial");
  REQUIRE_OK(node.start_shell("a", "printf 'no line feed'; sleep 100000"));
  CHECK(eventually([&] { return node.log_text("a").find(" stdout P no line feed\n") != std::string::npos; }));
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("containers live on when containerd is killed; calls fail meanwhile and work again afterwards") {
  Node node("crash");
  REQUIRE_OK(node.start_shell("lives", "i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.01; done"));
  REQUIRE_OK(node.start_shell("ends", "sleep 1; exit 9"));
  auto waiting = node.begin_wait("lives");
  containerd().kill_hard();
  const auto interrupted = outcome(std::move(waiting));
  REQUIRE_FALSE(interrupted.has_value());
  CHECK(interrupted.error().code == Errc::unavailable);
  CHECK(node.list().error().code == Errc::unavailable);
  CHECK(node.start_shell("new", "true").error().code == Errc::unavailable);
  std::this_thread::sleep_for(1500ms);  // the second one ends while nobody looks
  containerd().start_again();
  REQUIRE(eventually([&] { return node.list().has_value(); }));
  const auto seen = node.list();
  REQUIRE_OK(seen);
  REQUIRE(seen->size() == 2);
  CHECK(seen->at(1).running);
  const auto exit = node.wait("ends");
  REQUIRE_OK(exit);
  CHECK(exit->exit_code == 9);
  REQUIRE_OK(node.exec("lives", {"true"}));
  const auto before = node.log_text("lives").size();
  CHECK(eventually([&] { return node.log_text("lives").size() > before; }));
  REQUIRE_OK(node.remove("lives"));
  REQUIRE_OK(node.remove("ends"));
  CHECK(node.traces("lives") + node.traces("ends") + node.traces("new") == "");
}

TEST_CASE("an agent that starts again recognises its containers, and keeps their logs flowing") {
  Node node("adopt");
  REQUIRE_OK(node.start_shell("runs", "i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.01; done"));
  REQUIRE_OK(node.start_shell("ended", "exit 3"));
  const auto first = node.wait("ended");
  REQUIRE_OK(first);
  const auto before = node.list();
  REQUIRE_OK(before);
  node.open();
  const auto seen = node.list();
  REQUIRE_OK(seen);
  REQUIRE(seen->size() == 2);
  const auto& ended = seen->at(0);
  CHECK(ended.container == ContainerId{"ended-0"});
  CHECK(ended.replica == ReplicaId{"ended"});
  CHECK_FALSE(ended.running);
  REQUIRE(ended.exit.has_value());
  CHECK(ended.exit->exit_code == 3);
  CHECK(ended.exit->exited_at == first->exited_at);
  const auto& runs = seen->at(1);
  CHECK(runs.running);
  CHECK(runs.attempt == 1);
  CHECK(runs.address == before->at(1).address);
  CHECK(runs.pid == before->at(1).pid);

  SUBCASE("a logger that dies now is replaced by the second agent") {
    pid_t logger = 0;
    std::ifstream(node.options.state_dir + "/loggers/runs-0/pid") >> logger;
    REQUIRE(kill(logger, SIGKILL) == 0);
    const auto size = node.log_text("runs").size();
    CHECK(eventually([&] { return node.log_text("runs").size() > size + 1000; }));
    const auto still = node.list();
    REQUIRE_OK(still);
    CHECK(still->at(1).running);
  }
  SUBCASE("the address of a container that runs is given to no one else") {
    for (int i = 0; i < 5; ++i) {
      const auto other = node.start_shell("other" + std::to_string(i), "sleep 100000");
      REQUIRE_OK(other);
      CHECK(other->address != runs.address);
      REQUIRE_OK(node.remove("other" + std::to_string(i)));
    }
  }
  REQUIRE_OK(node.remove("runs"));
  REQUIRE_OK(node.remove("ended"));
  CHECK(node.traces("runs") + node.traces("ended") == "");
}

/// What the host gets when it connects to a port of a replica; empty: nothing.
std::string ask(const std::string& address, std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &to.sin_addr);
  timeval patience{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    char piece[256];
    for (ssize_t n = 0; (n = read(fd, piece, sizeof piece)) > 0;)
      answer.append(piece, static_cast<std::size_t>(n));
  }
  close(fd);
  return answer;
}

TEST_CASE("the host reaches a replica at its address, replicas reach each other, and each has its own name") {
  Node node("net");
  const char* serve = "while :; do hostname | nc -l -p 8080; done";
  const auto a = node.start_shell("alpha", serve);
  const auto b = node.start_shell("beta", serve);
  REQUIRE_OK(a);
  REQUIRE_OK(b);
  CHECK(a->address != b->address);
  CHECK(eventually([&] { return ask(a->address, 8080) == "alpha\n"; }));
  CHECK(eventually([&] { return ask(b->address, 8080) == "beta\n"; }));
  const auto across = node.exec("alpha", {"/bin/sh", "-c", "nc -w 5 " + b->address + " 8080 </dev/null"});
  REQUIRE_OK(across);
  CHECK(across->stdout_data == "beta\n");
  REQUIRE_OK(node.remove("alpha"));
  REQUIRE_OK(node.remove("beta"));
}

TEST_CASE("what a container may use and see is what its spec says") {
  Node node("limits");
  auto request = node.request("a", {"sleep", "100000"});
  auto& pod = request.assignment.pod;
  pod.requests.cpu_millicores = 250;
  pod.limits = {500, 64 << 20};
  pod.env = {{"GREETING", "hello world"}};
  pod.working_dir = "/tmp";
  REQUIRE_OK(node.start(request));
  const auto inside = [&](const std::string& script) {
    const auto result = node.exec("a", {"/bin/sh", "-c", script});
    REQUIRE_OK(result);
    return result->stdout_data;
  };
  const bool v1 = fs::exists("/sys/fs/cgroup/memory");
  const std::string cpu = v1 ? "/sys/fs/cgroup/cpu/cpu." : "/sys/fs/cgroup/cpu.";
  CHECK(inside(v1 ? "cat /sys/fs/cgroup/memory/memory.limit_in_bytes" : "cat /sys/fs/cgroup/memory.max") ==
        "67108864\n");
  CHECK(inside(v1 ? "cat " + cpu + "cfs_quota_us" : "cut -d' ' -f1 " + cpu + "max") == "50000\n");
  CHECK(inside(v1 ? "cat /sys/fs/cgroup/pids/pids.max" : "cat /sys/fs/cgroup/pids.max") == "4096\n");
  CHECK(inside("pwd; echo $GREETING; echo $HOSTNAME; hostname; echo $CLOUDLESS_REPLICA $CLOUDLESS_NODE") ==
        "/tmp\nhello world\na\na\na limits\n");
  CHECK(inside("grep NoNewPrivs /proc/self/status") == "NoNewPrivs:\t1\n");
  CHECK(inside("mount -t tmpfs none /tmp 2>/dev/null || echo refused") == "refused\n");
  CHECK(inside("ps | grep -c '[s]leep 100000'") == "1\n");
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("a container that runs out of memory says so") {
  Node node("oom");
  auto request = node.request("a", {"tail", "/dev/zero"});
  request.assignment.pod.limits.memory_bytes = 16 << 20;
  REQUIRE_OK(node.start(request));
  const auto exit = node.wait("a");
  REQUIRE_OK(exit);
  CHECK(exit->exit_code == 137);
  CHECK(exit->reason == "out of memory, limit 16 MiB");
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("ten containers start, end and go at the same time") {
  Node node("many");
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
  for (int i = 0; i < 10; ++i)
    removing.push_back(under_way<Nothing>(
        [&](auto done) { node.port->remove(ContainerId{"m" + std::to_string(i) + "-0"}, done); }));
  for (auto& r : removing) REQUIRE_OK(outcome(std::move(r)));
  for (int i = 0; i < 10; ++i) CHECK(node.traces("m" + std::to_string(i)) == "");
}

TEST_CASE("a killed shim takes its container with it; that is noticed, and the rest is removed") {
  Node node("shim");
  const auto started = node.start_shell("a", "sleep 100000");
  REQUIRE_OK(started);
  std::ifstream stat("/proc/" + std::to_string(started->pid) + "/stat");
  std::string pid, name, state;
  pid_t shim = 0;
  stat >> pid >> name >> state >> shim;
  REQUIRE(shim > 1);
  auto waiting = node.begin_wait("a");
  REQUIRE(kill(shim, SIGKILL) == 0);
  const auto cut = outcome(std::move(waiting));
  REQUIRE_FALSE(cut.has_value());  // ask again: containerd itself may be on its way down
  CHECK_MESSAGE(cut.error().code == Errc::unavailable, cut.error().message);
  CHECK(eventually([&] {
    const auto seen = node.list();
    return seen && seen->size() == 1 && !seen->front().running;
  }));
  // Until containerd has cleaned up after the shim, it can only say that nobody answers.
  CHECK(eventually([&] {
    const auto again = node.wait("a");
    return !again && again.error().code == Errc::not_found;
  }));
  REQUIRE_OK(node.remove("a"));
  CHECK(eventually([&] { return kill(static_cast<pid_t>(started->pid), 0) != 0; }));
  CHECK(eventually([&] { return node.traces("a") == ""; }));
}

TEST_CASE(
    "what an agent that was killed between two steps left behind is listed as never started, and removed") {
  Node node("half");
  REQUIRE_OK(node.start_shell("model", "sleep 100000"));
  Client client(node.options);
  containers_v1::GetContainerRequest get;
  get.set_id("model-0");
  const auto model =
      client.call(client.containers(), &containers_v1::Containers::Stub::Get, get, client.scope("test"));
  REQUIRE_OK(model);
  containers_v1::CreateContainerRequest record;
  *record.mutable_container() = model->container();
  record.mutable_container()->set_id("half-0");
  record.mutable_container()->set_snapshot_key("half-0");
  auto spec = record.container().spec().value();
  spec.replace(spec.find("/model-0"), 8, "/half-0");
  record.mutable_container()->mutable_spec()->set_value(spec);
  REQUIRE_OK(client.call(client.containers(), &containers_v1::Containers::Stub::Create, record,
                         client.scope("test")));
  bool with_task = false;
  SUBCASE("a record") {}
  SUBCASE("a record and a task that was not started") {
    with_task = true;
  }
  if (with_task) {
    snapshots_v1::PrepareSnapshotRequest prepare;
    prepare.set_snapshotter("overlayfs");
    prepare.set_key("half-0");
    prepare.set_parent((*Images(client, node.options).resolve(node.image))->chain);
    const auto mounts = client.call(client.snapshots(), &snapshots_v1::Snapshots::Stub::Prepare, prepare,
                                    client.scope("test"));
    REQUIRE_OK(mounts);
    tasks_v1::CreateTaskRequest create;
    create.set_container_id("half-0");
    *create.mutable_rootfs() = mounts->mounts();
    REQUIRE_OK(client.call(client.tasks(), &tasks_v1::Tasks::Stub::Create, create, client.scope("test")));
  }
  const auto seen = node.list();
  REQUIRE_OK(seen);
  REQUIRE(seen->size() == 2);
  CHECK(seen->front().container == ContainerId{"half-0"});
  CHECK_FALSE(seen->front().running);
  CHECK_FALSE(seen->front().exit.has_value());
  REQUIRE_OK(node.remove("half"));
  CHECK(node.traces("half") == "");
  REQUIRE_OK(node.remove("model"));
}

TEST_CASE("a task that lost its container record is found and removed") {
  Node node("orphan");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  REQUIRE(node.ctr({"tasks", "list", "-q"}).find("a-0") != std::string::npos);
  // containerd deletes the record of a running container without a word.
  Client client(node.options);
  containers_v1::DeleteContainerRequest request;
  request.set_id("a-0");
  REQUIRE_OK(client.call(client.containers(), &containers_v1::Containers::Stub::Delete, request,
                         client.scope("test")));
  const auto seen = node.list();
  REQUIRE_OK(seen);
  CHECK(seen->empty());
  CHECK(node.traces("a") == "");
}

}  // namespace
