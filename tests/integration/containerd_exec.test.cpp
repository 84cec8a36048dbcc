// Commands in running containers.
#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>

#include "tests/integration/heard_stream.hpp"
#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
namespace fs = std::filesystem;

/// A number of seconds that no other run of these tests sleeps.
std::string seconds_of(int row) {
  return std::to_string(1'000'000 + getpid() + row * 10'000'000);
}
const std::string kSeconds = seconds_of(0);

/// Seen from this machine: inside, a process that joins a container in a chroot may have another root.
bool sleeps(const std::string& seconds) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc", gone)) {
    std::ifstream in(entry.path() / "cmdline", std::ios::binary);
    std::string words(64, '\0');
    in.read(words.data(), 64);  // of a process that ends meanwhile, nothing
    words.resize(static_cast<std::size_t>(in.gcount()));
    if (words == std::string("sleep") + '\0' + seconds + '\0') return true;
  }
  return false;
}

ExecQuery shell(const std::string& script) {
  ExecQuery query;
  query.command = {"/bin/sh", "-c", script};
  query.timeout = 0;
  query.has_input = true;
  query.output_limit = 0;
  return query;
}

const ContainerId kContainer{"a-0"};

/// What execs leave on the machine: pipes, and groups below the container's.
std::string traces_of_execs(const RuntimeNode& node) {
  std::string found;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(node.options.state_dir + "/exec", gone))
    found += " " + entry.path().string();
  fs::recursive_directory_iterator at("/sys/fs/cgroup", fs::directory_options::skip_permission_denied, gone);
  for (; at != fs::recursive_directory_iterator(); at.increment(gone)) {
    const auto path = at->path().string();
    if (path.find(namespace_of(node.options)) != std::string::npos &&
        at->path().filename().string().starts_with("exec-"))
      found += " " + path;
  }
  // A group that goes while it is looked at, whoever's it is, ends the walk.
  if (gone) found += " (not all was seen: " + gone.message() + ")";
  return found;
}

TEST_CASE("exec runs a command with input, both outputs, exit code and time limit") {
  RuntimeNode node("exec");
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
    const auto result = node.exec("a", {"/bin/sh", "-c", "echo begun; exec sleep " + kSeconds}, {}, 1000);
    REQUIRE_OK(result);
    CHECK(result->timed_out);
    CHECK(result->stdout_data == "begun\n");
    CHECK(eventually([] { return !sleeps(kSeconds); }));
  }
  SUBCASE("a command that nobody waits for any more is killed") {
    ExecQuery query;
    query.command = {"sleep", kSeconds};
    query.timeout = 600'000;
    auto ended = std::make_shared<std::promise<void>>();
    auto end = ended->get_future();
    const auto give_up =
        node.port->exec(ContainerId{"a-0"}, query, [ended](Result<ExecResult>) { ended->set_value(); });
    REQUIRE(eventually([] { return sleeps(kSeconds); }));
    give_up();
    REQUIRE(end.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    CHECK(eventually([] { return !sleeps(kSeconds); }));
    give_up();  // late, and again
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
  CHECK(eventually([&] { return traces_of_execs(node).empty(); }));
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("what a command started ends with it when it is broken off, however it was started") {
  RuntimeNode node("execkill");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  int row = 0;
  const auto check = [&](const std::string& script, bool by_time) {
    const auto seconds = seconds_of(++row);
    auto text = script;
    text.replace(text.find('$'), 1, seconds);
    CAPTURE(text);
    CAPTURE(by_time);
    auto query = shell(text);
    if (by_time) query.timeout = 3000;
    HeardStream stream(*node.port, {kContainer, query, 1 << 20});
    REQUIRE(stream.says("begun"));
    if (!by_time) {  // by time it may be over before it is looked for
      REQUIRE(eventually([&] { return sleeps(seconds); }));
      stream.stream.reset();
    }
    CHECK(eventually([&] { return !sleeps(seconds); }));
    const auto end = stream.end();
    if (by_time) {
      REQUIRE_OK(end);
      CHECK(end->timed_out);
    }
  };
  for (const bool by_time : {true, false}) {
    check("echo begun; sleep $", by_time);
    check("sleep $ & sleep 1000000 & echo begun; wait", by_time);
    check("sleep 0.3; (setsid sleep $ >/dev/null 2>&1 </dev/null &); echo begun; sleep 1000001", by_time);
    check("sleep 0.3; trap '' TERM HUP INT; sleep $ >/dev/null 2>&1 & echo begun; wait; sleep 1000002",
          by_time);
  }
  CHECK(eventually([&] { return traces_of_execs(node).empty(); }));
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("what a command leaves running when it ends by itself stays") {
  RuntimeNode node("execleft");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  const auto seconds = seconds_of(50);
  const auto result =
      node.exec("a", {"/bin/sh", "-c", "sleep " + seconds + " >/dev/null 2>&1 & sleep 0.2; echo done"});
  REQUIRE_OK(result);
  CHECK(result->stdout_data == "done\n");
  CHECK(sleeps(seconds));
  REQUIRE_OK(node.remove("a"));
  CHECK(eventually([&] { return !sleeps(seconds); }));
}

TEST_CASE("an agent that was killed leaves no command behind") {
  RuntimeNode node("execcrash");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  const auto seconds = seconds_of(60);
  auto query = shell("(setsid sleep " + seconds + " &); echo begun; sleep 1000003");
  auto stream = std::make_unique<HeardStream>(*node.port, StreamRequest{kContainer, query, 1 << 20});
  REQUIRE(stream->says("begun"));
  const auto exec_dir = fs::path(node.options.state_dir) / "exec";
  REQUIRE(eventually([&] {
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator(exec_dir, gone)) {
      std::string group;
      std::getline(std::ifstream(entry.path() / "group"), group);
      if (!group.empty()) return true;
    }
    return false;
  }));
  // The port lives on, as the dead agent's shim does: only what is on disk helps the next one.
  auto next = make_containerd_runtime(node.options);
  REQUIRE_OK(next);
  CHECK(eventually([&] { return !sleeps(seconds) && !sleeps("1000003"); }));
  CHECK_FALSE(fs::exists(exec_dir));
  stream.reset();
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("a command with a terminal has its size, its name and its keys") {
  RuntimeNode node("exectty");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  auto query = shell(
      "echo term=$TERM; stty size; trap 'echo changed; stty size' WINCH; trap 'echo caught; exit 7' INT; "
      "echo ready; while :; do sleep 0.05; done");
  query.terminal = true;
  query.term = "vt220";
  query.window = {91, 37};
  HeardStream stream(*node.port, {kContainer, query, 1 << 20});
  REQUIRE(stream.says("ready"));
  CHECK(stream.out().find("term=vt220\r\n37 91\r\n") != std::string::npos);
  stream.stream->resize({100, 40});
  CHECK(stream.says("changed\r\n40 100"));
  CHECK(stream.send("\x03"));
  const auto end = stream.end();
  REQUIRE_OK(end);
  CHECK(end->exit_code == 7);
  CHECK(stream.out().find("caught") != std::string::npos);
  CHECK(stream.err().empty());
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("signals reach the command") {
  RuntimeNode node("execsig");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  HeardStream stream(
      *node.port,
      {kContainer, shell("trap 'echo hup' HUP; trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"),
       1 << 20});
  REQUIRE(stream.says("ready"));
  stream.stream->signal(SIGHUP);
  CHECK(stream.says("hup"));
  stream.stream->signal(SIGTERM);
  const auto end = stream.end();
  REQUIRE_OK(end);
  CHECK(end->exit_code == 5);
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("output goes no further than its credit, and input no further than it is read") {
  RuntimeNode node("execflow");
  REQUIRE_OK(node.start_shell("a", "sleep 100000"));
  SUBCASE("a client that reads nothing stops the command, not the agent") {
    HeardStream stream(*node.port, {kContainer, shell("head -c 10000000 /dev/zero; echo end >&2"), 100'000});
    REQUIRE(eventually([&] { return stream.out().size() == 100'000; }));
    CHECK_FALSE(stream.has_ended());
    CHECK(stream.out().size() == 100'000);
    stream.stream->grant(1ULL << 40);
    const auto end = stream.end();
    REQUIRE_OK(end);
    CHECK(stream.out().size() == 10'000'000);
    CHECK(stream.err() == "end\n");
  }
  SUBCASE("20 MB come back as they went") {
    std::string sent(20'000'000, '\0');
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>((i * 2654435761U) >> 13);
    HeardStream stream(*node.port, {kContainer, shell("cat"), 1ULL << 40});
    REQUIRE(stream.send(sent));
    stream.stream->end_input();
    const auto end = stream.end();
    REQUIRE_OK(end);
    CHECK(end->exit_code == 0);
    CHECK((stream.out() == sent));
  }
  SUBCASE("a command that reads no more ends although more is sent") {
    HeardStream stream(*node.port, {kContainer, shell("head -c 5; exit 3"), 1 << 20});
    stream.send(std::string(1'000'000, 'x'));
    const auto end = stream.end();
    REQUIRE_OK(end);
    CHECK(end->exit_code == 3);
    CHECK(stream.out() == "xxxxx");
  }
  REQUIRE_OK(node.remove("a"));
}

}  // namespace
