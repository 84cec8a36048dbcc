// What the runtime survives: killed loggers, shims, agents and containerds.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "actors/runtime/cgroups/cgroup_tree.hpp"
#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/images.hpp"
#include "actors/runtime/containerd/log_format.hpp"
#include "actors/runtime/containerd/oci_spec.hpp"
#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST_CASE(
    "100,000 lines of each stream arrive complete and in order, also when the logger is killed all the "
    "time") {
  bool kill_loggers = false;
  SUBCASE("in peace") {}
  SUBCASE("under fire") {
    kill_loggers = true;
  }
  RuntimeNode node(kill_loggers ? "logs-killed" : "logs");
  const std::string count = "i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done";
  REQUIRE_OK(
      node.start_shell("a", "(" + count + ") & (" + count + ") >&2; wait; printf unfinished; sleep 0.1"));
  auto exit = node.begin_wait("a");
  int kills = 0;
  while (kill_loggers && exit.wait_for(20ms) == std::future_status::timeout) {
    const pid_t logger = node.logger_of("a");
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

TEST_CASE("an unfinished line is in the log before the container ends") {
  RuntimeNode node("partial");
  REQUIRE_OK(node.start_shell("a", "printf 'no line feed'; sleep 100000"));
  CHECK(eventually([&] { return node.log_text("a").find(" stdout P no line feed\n") != std::string::npos; }));
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("containers live on when containerd is killed; calls fail meanwhile and work again afterwards") {
  RuntimeNode node("crash");
  REQUIRE_OK(node.start_shell("lives", "i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.01; done"));
  REQUIRE_OK(node.start_shell("ends", "sleep 1; exit 9"));
  auto waiting = node.begin_wait("lives");
  node.machine.kill_hard();
  const auto interrupted = outcome(std::move(waiting));
  REQUIRE_FALSE(interrupted.has_value());
  CHECK(interrupted.error().code == Errc::unavailable);
  CHECK(node.list().error().code == Errc::unavailable);
  CHECK(node.start_shell("new", "true").error().code == Errc::unavailable);
  std::this_thread::sleep_for(1500ms);  // the second one ends while nobody looks
  node.machine.start_again();
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
  RuntimeNode node("adopt");
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
    REQUIRE(kill(node.logger_of("runs"), SIGKILL) == 0);
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

TEST_CASE("what a logger had taken when it was killed together with its agent is in the log in the end") {
  RuntimeNode node("late");
  node.port.reset();
  // As such a logger leaves it: bytes in its journal, its lock gone, and no container any more.
  const auto state = node.options.state_dir + "/loggers/ghost-0";
  fs::create_directories(state);
  std::ofstream(state + "/stdout.0") << "whole\nunfinished";
  std::ofstream(state + "/pid") << "1\n";
  node.open();
  REQUIRE_OK(node.list());
  CHECK_FALSE(fs::exists(state));
  const auto log = node.log_text("ghost");
  CHECK(log.find(" stdout F whole\n") != std::string::npos);
  CHECK(log.find(" stdout F unfinished\n") != std::string::npos);
}

TEST_CASE("a logger that cannot be started is tried again, and the container only waits") {
  RuntimeNode node("gone");
  const auto program = node.options.state_dir + "/logger";
  fs::copy_file(node.options.logger, program);
  node.options.logger = program;
  node.open();
  REQUIRE_OK(node.start_shell("a", "i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.001; done"));
  CHECK(eventually([&] { return node.log_text("a").size() > 1000; }));
  fs::rename(program, program + ".away");
  REQUIRE(kill(node.logger_of("a"), SIGKILL) == 0);
  std::this_thread::sleep_for(500ms);
  const auto size = node.log_text("a").size();
  fs::rename(program + ".away", program);
  CHECK(eventually([&] { return node.log_text("a").size() > size + 10000; }));
  REQUIRE_OK(node.remove("a"));
  std::ifstream in(node.log_file("a"));
  int next = 0;
  for (std::string text; std::getline(in, text); ++next) {
    const auto line = parse_log_line(text);
    REQUIRE(line.has_value());
    REQUIRE(line->text == "tick " + std::to_string(next));
  }
  CHECK(next > 200);
}

TEST_CASE("a killed shim takes its container with it; that is noticed, and the rest is removed") {
  RuntimeNode node("shim");
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
  RuntimeNode node("half");
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
  auto spec = nlohmann::json::parse(record.container().spec().value());
  spec["linux"]["cgroupsPath"] = container_group(node.options.cgroup_parent, "default", "half");
  for (auto& one : spec["linux"]["namespaces"])
    one.erase("path");  // the model's network, which it holds alone
  record.mutable_container()->mutable_spec()->set_value(spec.dump());
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
    prepare.set_parent((*Images(client, node.options).resolve(node.image, {}))->chain);
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
  RuntimeNode node("orphan");
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

/// A process that is not ended by this test's end alone.
class Stray {
 public:
  explicit Stray(std::vector<std::string> command_line) {
    std::vector<char*> words;
    for (auto& word : command_line) words.push_back(word.data());
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      execv("/bin/sh", words.data());
      _exit(127);
    }
  }
  Stray(const Stray&) = delete;
  Stray& operator=(const Stray&) = delete;
  ~Stray() {
    if (!reaped_) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }
  bool ended() {
    reaped_ = reaped_ || waitpid(pid_, nullptr, WNOHANG) == pid_;
    return reaped_;
  }

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
};

TEST_CASE(
    "a shim, a control group and a state that containerd has forgotten go with their container, others "
    "stay") {
  RuntimeNode node("forgotten");
  const std::string wait_for_ever = "while :; do sleep 1; done";
  const auto ns = node.options.containerd_namespace;
  const auto shim_of = [&](const std::string& space, const std::string& id, const std::string& socket) {
    return std::vector<std::string>{
        "containerd-shim-runc-v2", "-c", wait_for_ever, "-namespace", space, "-id", id, "-address", socket};
  };
  const auto socket = node.options.socket;
  Stray shim(shim_of(ns, "a-0", socket));
  Stray other_id(shim_of(ns, "a-01", socket));
  Stray other_node(shim_of(ns + "x", "a-0", socket));
  Stray other_containerd(shim_of(ns, "a-0", socket + "x"));
  Stray inside({"sh", "-c", wait_for_ever});
  REQUIRE_OK(node.start_shell("a", wait_for_ever));
  node.ctr({"tasks", "delete", "--force", "a-0"});
  const fs::path group = node.cgroup_of("a", "pids");
  fs::create_directories(group);
  std::ofstream(group / "cgroup.procs") << inside.pid();
  const auto state = fs::path(node.options.state_dir) / "runc" / ns;
  fs::create_directories(state / "a-0");
  std::ofstream(state / "a-0" / "state.json") << "{}";
  fs::create_directories(state / "a-01");

  REQUIRE_OK(node.remove("a"));
  CHECK(shim.ended());
  CHECK(inside.ended());
  CHECK_FALSE(fs::exists(group));
  CHECK_FALSE(fs::exists(state / "a-0"));
  CHECK(fs::exists(state / "a-01"));
  CHECK_FALSE(other_id.ended());
  CHECK_FALSE(other_node.ended());
  CHECK_FALSE(other_containerd.ended());
}

TEST_CASE("a logger whose container is gone ends when the agent starts, although somebody holds its pipe") {
  RuntimeNode node("ghosts");
  const std::string id = "ghost-0";
  const auto state = fs::path(node.options.state_dir) / "loggers" / id;
  fs::create_directories(state.parent_path());
  int out[2];
  REQUIRE(pipe(out) == 0);
  // As a process of a half-started container: it is in the container's group, and has the pipe as its output.
  // By its path: dash takes no descriptor above 9 in a redirection.
  const auto path_of = [](int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); };
  const std::string command = "echo last words >" + path_of(out[1]) + "; while :; do sleep 1; done";
  Stray inside({"sh", "-c", command});
  const fs::path group = node.cgroup_of("ghost", "pids");
  fs::create_directories(group);
  std::ofstream(group / "cgroup.procs") << inside.pid();
  close(out[1]);
  Stray logger({"sh", "-c",
                "exec 3<" + path_of(out[0]) + " 4</dev/null; exec " + node.options.logger + " log " +
                    node.log_file("ghost") + " state " + state.string()});
  close(out[0]);
  REQUIRE(eventually([&] { return node.log_text("ghost").ends_with("last words\n"); }));

  node.open();
  REQUIRE_OK(node.list());
  CHECK(eventually([&] { return logger.ended(); }));
  CHECK(inside.ended());
  CHECK_FALSE(fs::exists(state));
  CHECK_FALSE(fs::exists(group));
}

}  // namespace
