// SELinux on a real containerd, under the policy of tests/vm/selinux.conf (`./dev test vm`), which lets
// containers write no file. Elsewhere that labels are refused is tested with the other refusals.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
namespace fs = std::filesystem;

constexpr char kLabel[] = "system_u:system_r:container_t:s0";
constexpr char kMachine[] = "system_u:system_r:machine_t:s0";

/// The kernel puts a NUL behind a label.
std::string label_of(std::uint32_t pid) {
  std::string label;
  std::ifstream in("/proc/" + std::to_string(pid) + "/attr/current");
  std::getline(in, label, '\0');
  return label;
}

TEST_CASE("a container runs with the SELinux label that it names, and the policy holds it") {
  if (!fs::exists("/sys/fs/selinux/enforce")) {
    MESSAGE("this kernel has no SELinux that is active: not tested on this machine");
    return;
  }
  RuntimeNode node("selinux");
  auto request = node.request("a", {"/bin/sh", "-c",
                                    "(echo x > /tmp/kept) 2>/dev/null && echo kept || echo refused; "
                                    "cat /proc/self/attr/current | tr -d '\\0'; exec sleep 100000"});
  SUBCASE("named") {
    request.assignment.pod.security.selinux = kLabel;
    const auto started = node.start(request);
    REQUIRE_OK(started);
    CHECK(eventually([&] { return node.printed("a").find("_t:s0") != std::string::npos; }));
    CHECK(node.printed("a") == std::string("refused\n") + kLabel + "\n");
    CHECK(label_of(started->pid) == kLabel);
    const auto joined = node.exec("a", {"cat", "/proc/self/attr/current"});
    REQUIRE_OK(joined);
    CHECK(joined->stdout_data == kLabel + std::string(1, '\0'));
  }
  SUBCASE("not named") {
    const auto started = node.start(request);
    REQUIRE_OK(started);
    CHECK(label_of(started->pid) == kMachine);
  }
  SUBCASE("not of the policy") {
    request.assignment.pod.security.selinux = "system_u:system_r:nobody_t:s0";
    const auto started = node.start(request);
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == Errc::failed_precondition);
    CHECK(started.error().message ==
          "selinux label system_u:system_r:nobody_t:s0 is not one of this node's policy");
    CHECK_FALSE(fs::exists(node.log_file("a")));
  }
  REQUIRE_OK(node.remove("a"));
  CHECK(node.traces("a") == "");
  fs::remove(node.log_file("a"));
}

}  // namespace
