#include "actors/runtime/containerd/confinement.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "actors/runtime/containerd/oci_mounts.hpp"
#include "messages/domain/capability.hpp"

namespace cloudless::runtime {
namespace {

using Words = std::vector<std::string>;

/// A workload, and the node that it comes to.
struct Scene {
  Template pod;
  std::string image_user;
  ImageAccounts accounts;
  NodePolicy policy;
  KernelFacts facts;
  std::vector<HostDevice> gpus;

  Scene() {
    facts.bounding = ~std::uint64_t{0};
    facts.seccomp = true;
  }
  SecurityContext& asked() { return pod.security; }
  Result<Confinement> judged() const {
    return confine({pod, image_user, accounts, policy, facts, "amd64", gpus});
  }
};

Confinement granted(const Scene& scene) {
  auto out = scene.judged();
  REQUIRE_MESSAGE(out.has_value(), out.error().message);
  return *out;
}

std::uint64_t bits(const Words& capabilities) {
  std::uint64_t out = 0;
  for (const auto& name : capabilities) {
    REQUIRE(name.starts_with("CAP_"));
    out |= capability_bit(name.substr(4));
  }
  return out;
}

std::uint64_t bits_of(std::initializer_list<const char*> names) {
  std::uint64_t out = 0;
  for (const char* name : names) out |= capability_bit(name);
  return out;
}

const auto kNineDefaults = bits_of({"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID",
                                    "NET_BIND_SERVICE", "SETUID", "SYS_CHROOT"});

TEST_CASE("who asks for nothing gets little: nine capabilities, the default filter, no way to more") {
  const auto given = granted(Scene{});
  CHECK(bits(given.capabilities) == kNineDefaults);
  CHECK(given.ambient.empty());
  CHECK(given.no_new_privileges);
  CHECK(given.seccomp["defaultAction"] == "SCMP_ACT_ERRNO");
  CHECK_FALSE(given.privileged);
  CHECK_FALSE(given.host_pid);
  CHECK_FALSE(given.host_ipc);
  CHECK_FALSE(given.host_network);
  CHECK_FALSE(given.read_only_root);
  CHECK(given.devices.empty());
  CHECK(given.masked_paths == masked_paths());
  CHECK(given.read_only_paths == readonly_paths());
  CHECK(given.runtime_program == "");
  CHECK(given.apparmor == "");
}

TEST_CASE("a container gets the devices of the GPUs that it was handed out, once also where it gets all") {
  const HostDevice gpu{"/dev/nvidia0", 'c', 195, 0, 0666, 0, 0}, disk{"/dev/vda", 'b', 254, 0, 0660, 0, 6};
  Scene scene;
  scene.gpus = {gpu};
  CHECK(granted(scene).devices == std::vector{gpu});
  scene.policy.allow_privileged = true;
  scene.asked().privileged = true;
  scene.facts.devices = {gpu, disk};
  CHECK(granted(scene).devices == std::vector{gpu, disk});
}

TEST_CASE("capabilities are the default ones, less those dropped, and those added") {
  struct Case {
    Words add, drop;
    std::uint64_t expected;
  };
  for (const auto& c : std::vector<Case>{{{}, {"ALL"}, 0},
                                         {{}, {"KILL", "CHOWN"}, kNineDefaults & ~bits_of({"KILL", "CHOWN"})},
                                         {{}, {"NET_RAW"}, kNineDefaults},
                                         {{"NET_ADMIN"}, {}, kNineDefaults | bits_of({"NET_ADMIN"})},
                                         {{"NET_ADMIN", "KILL"}, {"ALL"}, bits_of({"NET_ADMIN", "KILL"})}}) {
    Scene scene;
    scene.asked().capabilities_add = c.add;
    scene.asked().capabilities_drop = c.drop;
    CHECK(bits(granted(scene).capabilities) == c.expected);
  }
  Scene all;
  all.policy.allow_privileged = true;
  all.asked().capabilities_add = {"ALL"};
  all.asked().capabilities_drop = {"SYS_MODULE"};
  all.facts.bounding = bits_of({"CHOWN", "SYS_ADMIN", "SYS_MODULE"});
  CHECK(bits(granted(all).capabilities) == bits_of({"CHOWN", "SYS_ADMIN"}));
}

TEST_CASE("who is not root has the capabilities that were added from the start, and no others") {
  Scene scene;
  scene.asked().run_as_user = 1000;
  scene.asked().capabilities_add = {"NET_BIND_SERVICE"};
  const auto given = granted(scene);
  CHECK(given.ambient == Words{"CAP_NET_BIND_SERVICE"});
  CHECK(bits(given.capabilities) == kNineDefaults);
  scene.asked().run_as_user = 0;
  CHECK(granted(scene).ambient.empty());
}

TEST_CASE("default capabilities that containerd lacks are left out; one that is asked for is refused") {
  Scene scene;
  scene.facts.bounding = bits_of({"CHOWN", "KILL"});
  CHECK(bits(granted(scene).capabilities) == bits_of({"CHOWN", "KILL"}));
  scene.asked().capabilities_add = {"NET_RAW"};
  CHECK(scene.judged().error().message.find("capability NET_RAW cannot be given") != std::string::npos);
}

TEST_CASE("privileged is everything that containerd has, and nothing is hidden") {
  Scene scene;
  scene.policy.allow_privileged = true;
  scene.asked().privileged = true;
  scene.asked().masked_paths = {"/secret"};
  scene.facts.bounding = kNineDefaults | bits_of({"SYS_ADMIN"});
  scene.facts.devices = {{"/dev/vda", 'b', 254, 0, 0660, 0, 6}};
  const auto given = granted(scene);
  CHECK(bits(given.capabilities) == scene.facts.bounding);
  CHECK_FALSE(given.no_new_privileges);
  CHECK(given.seccomp.is_null());
  CHECK(given.devices == scene.facts.devices);
  CHECK(given.masked_paths == Words{"/secret"});
  CHECK(given.read_only_paths.empty());
}

TEST_CASE("seccomp is the default filter, none, or a file of the node") {
  Scene scene;
  scene.asked().seccomp.kind = ProfileKind::unconfined;
  CHECK(granted(scene).seccomp.is_null());
  scene.asked().seccomp = {ProfileKind::localhost, "p.json"};
  scene.facts.seccomp_profile = std::string(R"({"defaultAction": "SCMP_ACT_ALLOW"})");
  CHECK(granted(scene).seccomp["defaultAction"] == "SCMP_ACT_ALLOW");
  scene.facts.seccomp_profile = std::string("{");
  CHECK(scene.judged().error().message.find("p.json") != std::string::npos);
  scene.facts.seccomp_profile = fail(Errc::failed_precondition, "it is away");
  CHECK(scene.judged().error().message == "it is away");
  scene.facts.seccomp = false;
  CHECK(scene.judged().error().message.find("no seccomp") != std::string::npos);
}

TEST_CASE(
    "AppArmor is the node's default where there is one, and refused where there is none but one is named") {
  Scene scene;
  scene.facts.apparmor = true;
  CHECK(granted(scene).apparmor == "");
  scene.facts.apparmor_profiles = {"cloudless-default", "mine"};
  CHECK(granted(scene).apparmor == "cloudless-default");
  scene.asked().apparmor = SecurityProfile{ProfileKind::localhost, "mine"};
  CHECK(granted(scene).apparmor == "mine");
  scene.asked().apparmor = SecurityProfile{ProfileKind::unconfined, {}};
  CHECK(granted(scene).apparmor == "unconfined");
  scene.asked().apparmor = SecurityProfile{ProfileKind::localhost, "other"};
  CHECK(scene.judged().error().message == "AppArmor profile other is not loaded on this node");
  scene.facts.apparmor = false;
  CHECK(scene.judged().error().message ==
        "apparmor is LOCALHOST/other, and AppArmor is not active on this node");
  scene.asked().apparmor = SecurityProfile{ProfileKind::unconfined, {}};
  CHECK(granted(scene).apparmor == "");
}

TEST_CASE("an SELinux label is granted where the policy knows it") {
  Scene scene;
  scene.asked().selinux = "u:r:t:s0";
  scene.facts.selinux = true;
  CHECK(scene.judged().error().message == "selinux label u:r:t:s0 is not one of this node's policy");
  scene.facts.selinux_label_known = true;
  CHECK(granted(scene).selinux == "u:r:t:s0");
}

TEST_CASE("what the node does not allow or cannot do is refused with the reason") {
  struct Case {
    const char* name;
    std::function<void(Scene&)> ask;
    const char* reason;
  };
  const std::vector<Case> cases = {
      {"privileged", [](Scene& s) { s.asked().privileged = true; }, "policy.allow_privileged"},
      {"host_pid", [](Scene& s) { s.asked().host_pid = true; }, "policy.allow_host_pid"},
      {"host_ipc", [](Scene& s) { s.asked().host_ipc = true; }, "policy.allow_host_ipc"},
      {"host_network", [](Scene& s) { s.pod.host_network = true; }, "policy.allow_host_network"},
      {"ALL", [](Scene& s) { s.asked().capabilities_add = {"ALL"}; }, "policy.allow_privileged"},
      {"SYS_ADMIN", [](Scene& s) { s.asked().capabilities_add = {"SYS_ADMIN"}; },
       "capability SYS_ADMIN, which acts on the machine itself, is not allowed"},
      {"NET_ADMIN of the machine",
       [](Scene& s) {
         s.policy.allow_host_network = true;
         s.pod.host_network = true;
         s.asked().capabilities_add = {"NET_ADMIN"};
       },
       "capability NET_ADMIN, which acts on the machine itself, is not allowed"},
      {"SYS_PTRACE of the machine",
       [](Scene& s) {
         s.policy.allow_host_pid = true;
         s.asked().host_pid = true;
         s.asked().capabilities_add = {"SYS_PTRACE"};
       },
       "capability SYS_PTRACE"},
      {"user", [](Scene& s) { s.image_user = "nobody-knows"; }, "\"nobody-knows\" is neither a number nor"},
      {"root", [](Scene& s) { s.asked().run_as_non_root = true; }, "run_as_non_root is set"},
      {"selinux", [](Scene& s) { s.asked().selinux = "u:r:t:s0"; }, "SELinux is not active"},
      {"sysctl of the machine",
       [](Scene& s) {
         s.asked().sysctls = {{"vm.swappiness", "1"}};
       },
       "sysctl vm.swappiness belongs to the machine"},
      {"sysctl",
       [](Scene& s) {
         s.asked().sysctls = {{"net.core.somaxconn", "9"}};
       },
       "policy.allowed_sysctls"},
      {"sysctl of a shared network",
       [](Scene& s) {
         s.policy.allow_host_network = true;
         s.pod.host_network = true;
         s.asked().sysctls = {{"net.ipv4.tcp_syncookies", "1"}};
       },
       "whose namespace the container shares"},
      {"sysctl of shared memory",
       [](Scene& s) {
         s.policy.allow_host_ipc = true;
         s.asked().host_ipc = true;
         s.asked().sysctls = {{"kernel.shm_rmid_forced", "1"}};
       },
       "whose namespace the container shares"},
      {"missing sysctl",
       [](Scene& s) {
         s.asked().sysctls = {{"net.ipv4.tcp_syncookies", "1"}};
         s.facts.missing_sysctls = {"net.ipv4.tcp_syncookies"};
       },
       "kernel has no sysctl net.ipv4.tcp_syncookies"},
      {"runtime class", [](Scene& s) { s.pod.runtime_class = "kata"; },
       "runtime class \"kata\" is not one of this node's: crun, runc"},
      {"runtime program",
       [](Scene& s) {
         s.pod.runtime_class = "crun";
         s.facts.runtime_found = false;
       },
       "runtime class crun: the program crun is not on this node"},
      {"crun",
       [](Scene& s) {
         s.policy.runtimes = {{"fast", "/usr/bin/crun"}};
         s.pod.runtime_class = "fast";
         s.facts.hybrid_cgroups = true;
       },
       "crun does not run with this node's control groups"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Scene scene;
    c.ask(scene);
    const auto refused = scene.judged();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::failed_precondition);
    CHECK_MESSAGE(refused.error().message.find(c.reason) != std::string::npos, refused.error().message);
  }
}

TEST_CASE("what the node allows is carried out") {
  Scene scene;
  auto& policy = scene.policy;
  policy.allow_privileged = policy.allow_host_pid = policy.allow_host_ipc = true;
  policy.allowed_sysctls = {"net.core.somaxconn", "net.ipv4.conf.*"};
  policy.runtimes = {{"r", "/bin/r"}};
  scene.asked().host_pid = scene.asked().host_ipc = true;
  scene.asked().capabilities_add = {"SYS_ADMIN"};
  scene.asked().sysctls = {{"net.core.somaxconn", "9"}, {"net.ipv4.conf.eth0.rp_filter", "1"}};
  scene.asked().allow_privilege_escalation = true;
  scene.asked().read_only_root_filesystem = true;
  scene.asked().masked_paths = {"/proc/kcore", "/etc/secret"};
  scene.asked().read_only_paths = {"/data"};
  scene.pod.runtime_class = "r";
  const auto given = granted(scene);
  CHECK(given.host_pid);
  CHECK(given.host_ipc);
  CHECK((bits(given.capabilities) & capability_bit("SYS_ADMIN")) != 0);
  CHECK(given.sysctls == scene.asked().sysctls);
  CHECK_FALSE(given.no_new_privileges);
  CHECK(given.read_only_root);
  CHECK(std::count(given.masked_paths.begin(), given.masked_paths.end(), "/proc/kcore") == 1);
  CHECK(given.masked_paths.back() == "/etc/secret");
  CHECK(given.read_only_paths.back() == "/data");
  CHECK(given.runtime_program == "/bin/r");
}

TEST_CASE("every reason is named at once") {
  Scene scene;
  scene.asked().privileged = true;
  scene.asked().host_pid = true;
  scene.asked().selinux = "u:r:t:s0";
  const auto message = scene.judged().error().message;
  for (const char* part : {"allow_privileged", "allow_host_pid", "SELinux"})
    CHECK(message.find(part) != std::string::npos);
}

}  // namespace
}  // namespace cloudless::runtime
