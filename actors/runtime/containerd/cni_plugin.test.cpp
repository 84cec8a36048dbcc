#include "actors/runtime/containerd/cni_plugin.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace cloudless::runtime {
namespace {

/// A plugin that is a shell script.
class Script {
 public:
  explicit Script(const std::string& text) {
    char name[] = "/tmp/cloudless-plugin.XXXXXX";
    folder_ = ::mkdtemp(name);
    std::ofstream(program()) << "#!/bin/sh\n" << text;
    ::chmod(program().c_str(), 0755);
  }
  ~Script() { std::filesystem::remove_all(folder_); }
  std::string program() const { return folder_ + "/plugin"; }
  Result<std::string> run(const std::string& input, Millis timeout = 30000) const {
    return run_cni_plugin({program(), "ADD", "web-0", "/proc/1/ns/net", "/usr/lib/cni", input, timeout});
  }

 private:
  std::string folder_;
};

}  // namespace

TEST_CASE("a plugin reads its configuration and environment, and what it writes is the answer") {
  const Script echo(
      "cat; printf ' %s %s %s %s' \"$CNI_COMMAND\" \"$CNI_CONTAINERID\" \"$CNI_NETNS\" \"$CNI_IFNAME\"");
  CHECK(echo.run("{}") == "{} ADD web-0 /proc/1/ns/net eth0");
  const std::string large(300000, 'x');
  CHECK(Script("cat").run(large) == large);
  CHECK(Script("exit 0").run(large) == "");
}

TEST_CASE("a plugin that fails, hangs or is not there is named as the reason") {
  const auto said = Script("echo '{\"code\": 7, \"msg\": \"no\", \"details\": \"way\"}'; exit 1").run("{}");
  REQUIRE_FALSE(said.has_value());
  CHECK(said.error().code == Errc::failed_precondition);
  CHECK(said.error().message.ends_with("/plugin ADD failed: no: way"));
  CHECK(Script("echo oops >&2; exit 1").run("{}").error().message.ends_with("failed: oops"));
  CHECK(Script("kill -9 $$").run("{}").error().message.ends_with("failed: it said nothing"));
  CHECK(Script("exec sleep 1000").run("{}", 50).error().code == Errc::deadline_exceeded);
  const auto absent = run_cni_plugin({"/does/not/exist", "ADD", "a", "", "", "", 1000});
  CHECK(absent.error().message.find("cannot be started: No such file") != std::string::npos);
}

}  // namespace cloudless::runtime
