// Commands in running containers.
#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>

#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
namespace fs = std::filesystem;

/// A number of seconds that no other run of these tests sleeps.
const std::string kSeconds = std::to_string(1'000'000 + getpid());

/// Seen from this machine: inside, a process that joins a container in a chroot may have another root.
bool sleeps(const std::string& seconds) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc", gone)) {
    std::ifstream in(entry.path() / "cmdline", std::ios::binary);
    const std::string words((std::istreambuf_iterator<char>(in)), {});
    if (words == std::string("sleep") + '\0' + seconds + '\0') return true;
  }
  return false;
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
  CHECK((!fs::exists(node.options.state_dir + "/exec") || fs::is_empty(node.options.state_dir + "/exec")));
  REQUIRE_OK(node.remove("a"));
}

}  // namespace
