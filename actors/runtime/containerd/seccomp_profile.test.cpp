#include "actors/runtime/containerd/seccomp_profile.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <regex>

#include "actors/runtime/containerd/seccomp_calls.hpp"
#include "messages/domain/capability.hpp"

namespace cloudless::runtime {
namespace {

using nlohmann::json;
using Names = std::set<std::string>;

/// Names of the calls that a kernel header defines; empty if this machine does not have the header.
Names calls_of_header(const std::string& path) {
  std::ifstream in(path);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const std::regex definition("#define __NR_([a-z0-9_]+)[ \t]+([0-9]+|__NR3264_)");
  Names out;
  for (std::sregex_iterator i(text.begin(), text.end(), definition), end; i != end; ++i) out.insert((*i)[1]);
  for (const char* no_call : {"syscalls", "arch_specific_syscall"}) out.erase(no_call);
  return out;
}

Names names_of(std::string_view architecture) {
  Names out;
  for (const auto& call : system_calls(architecture)) out.insert(std::string(call.name));
  return out;
}

Names without(Names all, const Names& gone) {
  std::erase_if(all, [&](const auto& n) { return gone.contains(n); });
  return all;
}

std::string text(const Names& names) {
  std::string out;
  for (const auto& n : names) out += n + " ";
  return out;
}

/// Calls that the profile allows whatever their arguments are.
Names allowed(const json& profile) {
  Names out;
  for (const auto& rule : profile["syscalls"])
    if (rule["action"] == "SCMP_ACT_ALLOW" && !rule.contains("args"))
      for (const auto& name : rule["names"]) out.insert(name.get<std::string>());
  return out;
}

TEST_CASE("every system call of the kernel's headers is in the table, and nothing else is") {
  const auto amd64 = calls_of_header("/usr/include/x86_64-linux-gnu/asm/unistd_64.h");
  if (!amd64.empty()) {
    CHECK(text(without(amd64, names_of("amd64"))) == "");
    CHECK(text(without(names_of("amd64"), amd64)) == "");
  }
  const auto generic = calls_of_header("/usr/include/asm-generic/unistd.h");
  REQUIRE_FALSE(generic.empty());
  // Names of the header that 64-bit machines do not have.
  const std::regex foreign(
      ".*time64|(fcntl|f?statfs|f?truncate|sendfile|[lf]?stat|fstatat|fadvise64_)64|sync_file_range2|llseek|"
      "mmap2|"
      "l?stat");
  for (const std::string architecture : {"arm64", "riscv64"}) {
    CAPTURE(architecture);
    Names missing = without(generic, names_of(architecture));
    std::erase_if(missing, [&](const auto& n) {
      return std::regex_match(n, foreign) || n == "getrlimit" || n == "setrlimit";  // not on riscv64
    });
    CHECK(text(missing) == "");
    CHECK(text(without(without(names_of(architecture), generic), {"riscv_flush_icache", "riscv_hwprobe"})) ==
          "");
  }
}

TEST_CASE("the table names each call once and only capabilities that exist") {
  for (const std::string architecture : {"amd64", "arm64", "riscv64"}) {
    CAPTURE(architecture);
    const auto& calls = system_calls(architecture);
    CHECK(names_of(architecture).size() == calls.size());
    for (const auto& call : calls)
      for (const auto capability : call.capabilities)
        CHECK_MESSAGE(capability_bit(capability) != 0, std::string(call.name));
  }
}

TEST_CASE("without capabilities nothing that reaches the machine is allowed") {
  for (const std::string architecture : {"amd64", "arm64", "riscv64"}) {
    CAPTURE(architecture);
    const auto profile = default_seccomp(architecture, {});
    CHECK(profile["defaultAction"] == "SCMP_ACT_ERRNO");
    const auto names = allowed(profile);
    for (const char* refused : {"mount",
                                "umount2",
                                "pivot_root",
                                "unshare",
                                "setns",
                                "clone",
                                "clone3",
                                "ptrace",
                                "bpf",
                                "reboot",
                                "kexec_load",
                                "init_module",
                                "keyctl",
                                "add_key",
                                "userfaultfd",
                                "io_uring_setup",
                                "perf_event_open",
                                "chroot",
                                "swapon",
                                "syslog",
                                "settimeofday",
                                "clock_settime",
                                "open_by_handle_at",
                                "socket",
                                "personality",
                                "finit_module",
                                "process_vm_readv"})
      CHECK_MESSAGE(!names.contains(refused), refused);
    for (const char* needed : {"read", "openat", "execve", "exit_group", "futex", "mmap", "connect", "statx"})
      CHECK_MESSAGE(names.contains(needed), needed);
  }
}

TEST_CASE("a capability allows the calls it is for, and no others") {
  struct Case {
    const char* capability;
    const char* call;
  };
  const auto none = allowed(default_seccomp("amd64", {}));
  for (const auto& c : std::vector<Case>{{"SYS_CHROOT", "chroot"},
                                         {"SYS_ADMIN", "mount"},
                                         {"SYS_ADMIN", "clone3"},
                                         {"SYS_ADMIN", "clone"},
                                         {"SYS_ADMIN", "bpf"},
                                         {"BPF", "bpf"},
                                         {"SYS_PTRACE", "ptrace"},
                                         {"SYS_TIME", "clock_settime"},
                                         {"SYSLOG", "syslog"},
                                         {"SYS_MODULE", "finit_module"}}) {
    CAPTURE(c.capability);
    CHECK_FALSE(none.contains(c.call));
    const auto with = allowed(default_seccomp("amd64", {c.capability}));
    CHECK(with.contains(c.call));
    CHECK(without(none, with).empty());
  }
  const auto& names = capability_names();
  const auto all = allowed(default_seccomp("amd64", {names.begin(), names.end()}));
  for (const char* never : {"keyctl", "kexec_load", "swapon", "io_uring_setup", "userfaultfd"})
    CHECK_MESSAGE(!all.contains(never), never);
}

TEST_CASE("conditions look at the half of the argument that the kernel looks at") {
  const auto profile = default_seccomp("amd64", {});
  const auto passes = [&](const char* name, std::uint64_t argument) {
    for (const auto& rule : profile["syscalls"]) {
      if (rule["names"][0] != name || rule["action"] != "SCMP_ACT_ALLOW" || !rule.contains("args")) continue;
      const auto& arg = rule["args"][0];
      CHECK(arg["op"] == "SCMP_CMP_MASKED_EQ");
      if ((argument & arg["value"].get<std::uint64_t>()) == arg["valueTwo"].get<std::uint64_t>()) return true;
    }
    return false;
  };
  CHECK(passes("clone", 0x01200011));        // fork
  CHECK(passes("clone", 0x003d0f00));        // a thread
  CHECK_FALSE(passes("clone", 0x10000011));  // NEWUSER
  CHECK_FALSE(passes("clone", 0x00020011));  // NEWNS
  CHECK_FALSE(passes("clone", (std::uint64_t{1} << 32) | 0x10000011));
  CHECK(passes("socket", 2));
  CHECK(passes("socket", 16));
  CHECK_FALSE(passes("socket", 40));  // AF_VSOCK
  CHECK_FALSE(passes("socket", 38));  // AF_ALG
  CHECK_FALSE(passes("socket", (std::uint64_t{1} << 32) | 38));
  CHECK(passes("personality", 0));
  CHECK_FALSE(passes("personality", 0x40000));  // ADDR_NO_RANDOMIZE
}

TEST_CASE("a profile of the node's owner is checked before it is used") {
  const auto good = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
     "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
    {"names": ["a_call_of_tomorrow"], "action": "SCMP_ACT_ALLOW"}]})";
  const auto parsed = parse_seccomp(good, "p.json", "amd64");
  REQUIRE_MESSAGE(parsed.has_value(), parsed.error().message);
  CHECK(*parsed == json::parse(good));

  struct Case {
    const char* text;
    const char* reason;
  };
  for (
      const auto& c : std::vector<Case>{
          {"", "not an OCI seccomp profile"},
          {"[]", "not a JSON object"},
          {"{}", "defaultAction"},
          {R"({"defaultAction": "SCMP_ACT_NOTHING"})", "SCMP_ACT_NOTHING"},
          {R"({"defaultAction": "SCMP_ACT_NOTIFY"})", "SCMP_ACT_NOTIFY"},
          {R"({"defaultAction": "SCMP_ACT_ALLOW", "archMap": []})", "archMap"},
          {R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_ARM"]})", "SCMP_ARCH_X86_64"},
          {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdr"], "action": "SCMP_ACT_ERRNO"}]})",
           "syscalls[0]: this machine has no system call \"mkdr\""},
          {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"]}]})", "action"},
          {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]})",
           "names no system call"},
          {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO",
              "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]})",
           "index"},
          {R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO",
              "args": [{"index": 0, "value": 1, "op": "EQ"}]}]})",
           "\"EQ\" is no comparison"}}) {
    CAPTURE(c.text);
    const auto refused = parse_seccomp(c.text, "p.json", "amd64");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::failed_precondition);
    CHECK_MESSAGE(refused.error().message.find(c.reason) != std::string::npos, refused.error().message);
    CHECK(refused.error().message.find("p.json") != std::string::npos);
  }
}

}  // namespace
}  // namespace cloudless::runtime
