// AppArmor on a real containerd, where this kernel has it: profiles are granted, and hold. Elsewhere (and on
// most build machines) that they are refused is tested with the other refusals; `./dev test vm` has a kernel
// with AppArmor.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
namespace fs = std::filesystem;

bool has_apparmor() {
  std::string yes;
  std::ifstream("/sys/module/apparmor/parameters/enabled") >> yes;
  return yes == "Y";
}

/// A profile that is loaded for as long as this lives.
class LoadedProfile {
 public:
  explicit LoadedProfile(std::string file) : file_(std::move(file)) {
    const auto loaded = run({"apparmor_parser", "--replace", "--skip-cache", file_});
    REQUIRE_MESSAGE(loaded.exit_code == 0, loaded.output);
  }
  ~LoadedProfile() { run({"apparmor_parser", "--remove", file_}); }
  LoadedProfile(const LoadedProfile&) = delete;
  LoadedProfile& operator=(const LoadedProfile&) = delete;

 private:
  std::string file_;
};

std::string first_line(const std::string& path) {
  std::string line;
  std::ifstream in(path);
  std::getline(in, line);
  return line;
}

struct Row {
  const char* name;
  std::optional<SecurityProfile> asked;
  bool privileged;
  std::string label;   ///< what the kernel says of the container's process
  const char* prints;  ///< of a write to /tmp/kept
};

TEST_CASE("a container runs under the AppArmor profile that it names, or that is the node's default") {
  if (!has_apparmor()) {
    MESSAGE("this kernel has no AppArmor that is active: not tested on this machine");
    return;
  }
  RuntimeNode node("apparmor");
  auto& policy = node.options.policy;
  const std::string own = "cloudless-test-" + std::to_string(getpid());
  const auto file = node.machine.folder() + "/profile";
  // Everything but one folder.
  std::ofstream(file) << "profile " << own << " flags=(attach_disconnected,mediate_deleted) {\n"
                      << "  file,\n  network,\n  capability,\n  umount,\n  mount,\n  signal,\n  ptrace,\n"
                      << "  deny /tmp/kept w,\n}\n";
  const LoadedProfile loaded(file);
  const LoadedProfile shipped(CLOUDLESS_SOURCE_ROOT "/config/apparmor/cloudless-default");
  policy.allow_privileged = true;
  node.open();
  const std::vector<Row> rows = {
      {"nothing is said", {}, false, policy.apparmor_profile + " (enforce)", "kept\n"},
      {"by name", SecurityProfile{ProfileKind::localhost, own}, false, own + " (enforce)", "refused\n"},
      {"the default", SecurityProfile{ProfileKind::runtime_default, {}}, false,
       policy.apparmor_profile + " (enforce)", "kept\n"},
      {"none", SecurityProfile{ProfileKind::unconfined, {}}, false, "unconfined", "kept\n"},
      {"privileged", {}, true, "unconfined", "kept\n"},
      {"privileged and by name", SecurityProfile{ProfileKind::localhost, own}, true, own + " (enforce)",
       "refused\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.name));
    auto request = node.request("a", {"/bin/sh", "-c",
                                      "cat /proc/self/attr/current; "
                                      "(echo x > /tmp/kept) 2>/dev/null && echo kept || echo refused; "
                                      "echo ready; exec sleep 100000"});
    request.assignment.pod.security.apparmor = row.asked;
    request.assignment.pod.security.privileged = row.privileged;
    const auto started = node.start(request);
    REQUIRE_OK(started);
    CHECK(eventually([&] { return node.printed("a").find("ready\n") != std::string::npos; }));
    CHECK(node.printed("a") == row.label + "\n" + row.prints + "ready\n");
    CHECK(first_line("/proc/" + std::to_string(started->pid) + "/attr/current") == row.label);
    const auto joined = node.exec("a", {"cat", "/proc/self/attr/current"});
    REQUIRE_OK(joined);
    CHECK(joined->stdout_data == row.label + "\n");
    REQUIRE_OK(node.remove("a"));
    CHECK(node.traces("a") == "");
    fs::remove(node.log_file("a"));
  }
}

TEST_CASE("an AppArmor profile that is not loaded is refused with the reason, and nothing is made") {
  if (!has_apparmor()) {
    MESSAGE("this kernel has no AppArmor that is active: not tested on this machine");
    return;
  }
  RuntimeNode node("apparmor-none");
  node.options.policy.apparmor_profile = "cloudless-nowhere";
  node.open();
  const std::vector<std::pair<SecurityProfile, std::string>> refused = {
      {{ProfileKind::localhost, "cloudless-typo"},
       "AppArmor profile cloudless-typo is not loaded on this node"},
      {{ProfileKind::runtime_default, {}}, "AppArmor profile cloudless-nowhere is not loaded on this node"},
  };
  for (const auto& [profile, reason] : refused) {
    auto request = node.request("a", {"sleep", "100000"});
    request.assignment.pod.security.apparmor = profile;
    const auto started = node.start(request);
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == Errc::failed_precondition);
    CHECK_MESSAGE(started.error().message.find(reason) != std::string::npos, started.error().message);
    CHECK(node.traces("a") == "");
    CHECK_FALSE(fs::exists(node.log_file("a")));
  }
  // One that says nothing runs: there is no default here.
  const auto started = node.start_shell("a", "cat /proc/self/attr/current; exec sleep 100000");
  REQUIRE_OK(started);
  CHECK(first_line("/proc/" + std::to_string(started->pid) + "/attr/current") == "unconfined");
  REQUIRE_OK(node.remove("a"));
}

}  // namespace
