#include "messages/codec/check_security.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <algorithm>

#include "messages/codec/api_spec.hpp"

namespace cloudless::codec {
namespace {

Result<WorkloadSpec> parsed(const std::string& fields) {
  api::WorkloadSpec spec;
  REQUIRE_MESSAGE(google::protobuf::TextFormat::ParseFromString(R"(image: "a" )" + fields, &spec), fields);
  return parse_spec(spec);
}

Result<WorkloadSpec> with(const std::string& security) {
  return parsed("security_context { " + security + " }");
}

TEST_CASE("a whole security context is taken over, and printed as it was read") {
  const auto spec = parsed(R"(runtime_class: "crun" security_context {
    run_as_user: 1000 run_as_group: 4294967294 supplemental_groups: 5 run_as_non_root: true
    read_only_root_filesystem: true capabilities_add: "NET_ADMIN" capabilities_add: "CAP_KILL" capabilities_drop: "ALL"
    seccomp: "LOCALHOST/web/strict.json" apparmor: "LOCALHOST/web" selinux: "system_u:system_r:container_t:s0:c1,c2"
    allow_privilege_escalation: true sysctls { key: "net.core.somaxconn" value: "1024" }
    masked_paths: "/proc/uptime" read_only_paths: "/etc/app" })");
  REQUIRE_MESSAGE(spec.has_value(), spec.error().message);
  CHECK(spec->pod.runtime_class == "crun");
  const auto& security = spec->pod.security;
  CHECK(security.run_as_user == 1000);
  CHECK(security.run_as_group == 4294967294);
  CHECK(security.capabilities_add == std::vector<std::string>{"NET_ADMIN", "KILL"});
  CHECK(security.capabilities_drop == std::vector<std::string>{"ALL"});
  CHECK(security.seccomp == SecurityProfile{ProfileKind::localhost, "web/strict.json"});
  CHECK(security.apparmor == SecurityProfile{ProfileKind::localhost, "web"});
  CHECK(security.sysctls.at("net.core.somaxconn") == "1024");
  CHECK(parse_spec(to_api(*spec)) == spec);
}

TEST_CASE("an empty security context is the default") {
  const auto spec = with("");
  REQUIRE(spec.has_value());
  CHECK(spec->pod.security == SecurityContext{});
}

TEST_CASE("what a node's policy decides is not the API's to refuse") {
  for (const char* fields :
       {"privileged: true", "host_pid: true host_ipc: true", R"(capabilities_add: "ALL")",
        R"(capabilities_add: "SYS_ADMIN")", R"(seccomp: "UNCONFINED")",
        R"(sysctls { key: "net.core.somaxconn" value: "1" })",
        R"(privileged: true seccomp: "RUNTIME_DEFAULT")"})
    CHECK_MESSAGE(with(fields).has_value(), fields);
}

struct Case {
  std::string fields;
  std::string path;  ///< below spec.security_context
  std::string reason;
};

std::vector<Case> bad_values() {
  std::string many_groups, many_paths, more_paths, many_sysctls;
  for (int i = 0; i < 33; ++i) many_groups += "supplemental_groups: " + std::to_string(i) + " ";
  for (int i = 0; i < 65; ++i) {
    many_paths += "masked_paths: \"/p" + std::to_string(i) + "\" ";
    more_paths += "read_only_paths: \"/p" + std::to_string(i) + "\" ";
    many_sysctls += "sysctls { key: \"net.core.p" + std::to_string(i) + "\" value: \"1\" } ";
  }
  const std::string port = "net.ipv4.ip_unprivileged_port_start";
  const auto sysctl = [](const std::string& name, const std::string& value) {
    return "sysctls { key: \"" + name + "\" value: \"" + value + "\" }";
  };
  return {
      {"run_as_user: 4294967295", "run_as_user", "0 to 4294967294"},
      {"run_as_group: 4294967295", "run_as_group", "0 to 4294967294"},
      {"supplemental_groups: 1 supplemental_groups: 4294967295", "supplemental_groups[1]", "0 to 4294967294"},
      {many_groups, "supplemental_groups", "at most 32"},
      {"run_as_non_root: true run_as_user: 0", "run_as_user", "run_as_non_root is set"},
      {R"(capabilities_add: "NET_ADMIN" capabilities_add: "NET_ADMN")", "capabilities_add[1]", "NET_ADMN"},
      {R"(capabilities_add: "net_admin")", "capabilities_add[0]", "no capability"},
      {R"(capabilities_add: "")", "capabilities_add[0]", "no capability"},
      {R"(capabilities_add: "CAP_ALL")", "capabilities_add[0]", "no capability"},
      {R"(capabilities_add: "KILL" capabilities_add: "CAP_KILL")", "capabilities_add[1]", "KILL again"},
      {R"(capabilities_drop: "EVERYTHING")", "capabilities_drop[0]", "\"ALL\""},
      {R"(capabilities_add: "KILL" capabilities_drop: "KILL")", "capabilities_add", "both name KILL"},
      {R"(capabilities_add: "ALL" capabilities_drop: "ALL")", "capabilities_add", "both name ALL"},
      {R"(privileged: true capabilities_drop: "KILL")", "capabilities_drop", "contradict"},
      {R"(seccomp: "default")", "seccomp", "RUNTIME_DEFAULT"},
      {R"(seccomp: "LOCALHOST/")", "seccomp", "LOCALHOST/<file>"},
      {R"(seccomp: "LOCALHOST//etc/shadow")", "seccomp", "plain path"},
      {R"(seccomp: "LOCALHOST/../shadow")", "seccomp", "plain path"},
      {R"(seccomp: "LOCALHOST/a/../../shadow")", "seccomp", "plain path"},
      {R"(seccomp: "LOCALHOST/a/..")", "seccomp", "plain path"},
      {R"(seccomp: "LOCALHOST/./a")", "seccomp", "plain path"},
      {R"(seccomp: "LOCALHOST/a//b")", "seccomp", "plain path"},
      {R"(seccomp: "LOCALHOST/a\000b")", "seccomp", "printable"},
      {"seccomp: \"LOCALHOST/" + std::string(256, 'a') + "\"", "seccomp", "1-255"},
      {R"(apparmor: "docker-default")", "apparmor", "LOCALHOST/<profile>"},
      {R"(apparmor: "LOCALHOST/a\nb")", "apparmor", "printable"},
      {R"(selinux: "container_t")", "selinux", "user:role:type:level"},
      {R"(selinux: "a:b::d")", "selinux", "user:role:type:level"},
      {R"(selinux: "a:b:c:d e")", "selinux", "user:role:type:level"},
      {sysctl("vm.swappiness", "1"), "sysctls[vm.swappiness]", "whole machine"},
      {sysctl("kernel.hostname", "x"), "sysctls[kernel.hostname]", "whole machine"},
      {sysctl("net/core/somaxconn", "1"), "sysctls[net/core/somaxconn]", "no name"},
      {sysctl("net..core", "1"), "sysctls[net..core]", "no name"},
      {sysctl(port, "65536"), "sysctls[" + port + "]", "0 to 65535"},
      {sysctl(port, ""), "sysctls[" + port + "]", "1-256 printable"},
      {sysctl("net.core.somaxconn", "1\\n2"), "sysctls[net.core.somaxconn]", "1-256 printable"},
      {"host_ipc: true " + sysctl("kernel.shm_rmid_forced", "1"), "sysctls[kernel.shm_rmid_forced]",
       "host_ipc"},
      {many_sysctls, "sysctls", "at most 64"},
      {many_paths, "masked_paths", "at most 64"},
      {more_paths, "read_only_paths", "at most 64"},
      {R"(masked_paths: "proc/x")", "masked_paths[0]", "absolute"},
      {R"(masked_paths: "/")", "masked_paths[0]", "root directory"},
      {R"(masked_paths: "")", "masked_paths[0]", "required"},
      {R"(masked_paths: "/a" masked_paths: "/a/../b")", "masked_paths[1]", "'..'"},
      {R"(read_only_paths: "/a/..")", "read_only_paths[0]", "'..'"},
      {R"(read_only_paths: "/a//b")", "read_only_paths[0]", "'//'"},
      {R"(read_only_paths: "/a/")", "read_only_paths[0]", "'//'"},
      {R"(read_only_paths: "/a\000")", "read_only_paths[0]", "control character"},
      {"read_only_paths: \"/" + std::string(4096, 'a') + "\"", "read_only_paths[0]", "4096"},
  };
}

TEST_CASE("every bad value is refused with its path") {
  for (const auto& c : bad_values()) {
    CAPTURE(c.fields);
    const auto refused = with(c.fields);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::invalid_argument);
    REQUIRE(refused.error().violations.size() == 1);
    const auto& violation = refused.error().violations.front();
    CHECK(violation.path == "spec.security_context." + c.path);
    CHECK_MESSAGE(violation.reason.find(c.reason) != std::string::npos, violation.reason);
  }
}

TEST_CASE("every field that can have a bad value is in the table above") {
  const auto rows = bad_values();
  const auto& fields = *api::SecurityContext::descriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = *fields.field(i);
    if (field.type() == google::protobuf::FieldDescriptor::TYPE_BOOL) continue;  // what is asked for together
    CAPTURE(field.name());
    CHECK(std::any_of(rows.begin(), rows.end(),
                      [&](const Case& c) { return c.path.substr(0, c.path.find('[')) == field.name(); }));
  }
}

TEST_CASE("a runtime class is a name, not a program") {
  CHECK(parsed(R"(runtime_class: "kata-qemu.v2")").has_value());
  for (const char* bad : {"/usr/bin/runc", "Kata", "a b", "-a"}) {
    const auto refused = parsed("runtime_class: \"" + std::string(bad) + "\"");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().violations.at(0).path == "spec.runtime_class");
  }
}

TEST_CASE("parameters of the network are refused with the machine's network") {
  const auto refused = parsed(
      R"(host_network: true security_context { sysctls { key: "net.ipv4.tcp_syncookies" value: "1" } })");
  REQUIRE_FALSE(refused.has_value());
  const auto& all = refused.error().violations;
  CHECK(all.front().path == "spec.security_context.sysctls[net.ipv4.tcp_syncookies]");
}

}  // namespace
}  // namespace cloudless::codec
