#include "actors/runtime/containerd/seccomp_profile.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "actors/runtime/containerd/seccomp_calls.hpp"

namespace cloudless::runtime {
namespace {

using nlohmann::json;

constexpr char kAllow[] = "SCMP_ACT_ALLOW";
constexpr char kErrno[] = "SCMP_ACT_ERRNO";
constexpr int kEnosys = 38;
constexpr int kEperm = 1;

// linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. (NEWTIME is not among
// clone's: its bit is part of the signal number there.)
constexpr std::uint64_t kNamespaceFlags =
    0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
// linux/personality.h: PER_LINUX, PER_LINUX32, and the question which one it is.
constexpr std::array<std::uint64_t, 3> kPersonalities = {0, 8, 0xffffffff};
// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET. The kernel looks at the lower half only, and so must we.
constexpr std::array<std::uint64_t, 5> kSocketFamilies = {1, 2, 10, 16, 17};
constexpr std::uint64_t kLowerHalf = 0xffffffff;

const char* architecture_name(std::string_view architecture) {
  return architecture == "amd64"   ? "SCMP_ARCH_X86_64"
         : architecture == "arm64" ? "SCMP_ARCH_AARCH64"
                                   : "SCMP_ARCH_RISCV64";
}

/// The call when (its first argument & mask) == value.
json when_masked(std::string_view name, std::uint64_t mask, std::uint64_t value) {
  return {{"names", {name}},
          {"action", kAllow},
          {"args", {{{"index", 0}, {"value", mask}, {"valueTwo", value}, {"op", "SCMP_CMP_MASKED_EQ"}}}}};
}

void append_conditional(const SystemCall& call, json& rules) {
  switch (call.condition) {
    case CallCondition::none:
      return;
    case CallCondition::clone_flags:
      rules.push_back(when_masked(call.name, kNamespaceFlags, 0));
      return;
    case CallCondition::personality:
      for (const auto value : kPersonalities) rules.push_back(when_masked(call.name, kLowerHalf, value));
      return;
    case CallCondition::socket_family:
      for (const auto value : kSocketFamilies) rules.push_back(when_masked(call.name, kLowerHalf, value));
      return;
  }
}

bool granted(const SystemCall& call, const std::set<std::string>& capabilities) {
  return std::any_of(call.capabilities.begin(), call.capabilities.end(),
                     [&](std::string_view c) { return capabilities.contains(std::string(c)); });
}

bool is_action(const std::string& word) {
  static constexpr std::string_view kActions[] = {
      "SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
      "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",   "SCMP_ACT_TRAP"};
  return std::find(std::begin(kActions), std::end(kActions), word) != std::end(kActions);
}

bool is_comparison(const std::string& word) {
  static constexpr std::string_view kOps[] = {"SCMP_CMP_NE",       "SCMP_CMP_LT", "SCMP_CMP_LE",
                                              "SCMP_CMP_EQ",       "SCMP_CMP_GE", "SCMP_CMP_GT",
                                              "SCMP_CMP_MASKED_EQ"};
  return std::find(std::begin(kOps), std::end(kOps), word) != std::end(kOps);
}

bool is_call(const std::string& name, std::string_view architecture) {
  const auto& calls = system_calls(architecture);
  const auto found = std::lower_bound(calls.begin(), calls.end(), name,
                                      [](const SystemCall& c, const std::string& n) { return c.name < n; });
  return found != calls.end() && found->name == name;
}

/// What is wrong with one rule, empty if nothing is.
std::string rule_error(const json& rule, std::string_view architecture) {
  const auto action = rule.at("action").get<std::string>();
  if (!is_action(action)) return "\"" + action + "\" is no action that can be carried out";
  if (rule.at("names").empty()) return "names no system call";
  for (const auto& name : rule.at("names").get<std::vector<std::string>>())
    if (action != kAllow && !is_call(name, architecture))
      return "this machine has no system call \"" + name + "\", so it would not be " + action;
  if (!rule.contains("args")) return {};
  for (const auto& arg : rule.at("args")) {
    if (arg.at("index").get<std::int64_t>() < 0 || arg.at("index").get<std::int64_t>() > 5)
      return "an argument's index is from 0 to 5";
    (void)arg.at("value").get<std::uint64_t>();
    if (const auto op = arg.at("op").get<std::string>(); !is_comparison(op))
      return "\"" + op + "\" is no comparison";
  }
  return {};
}

std::string profile_error(const json& profile, std::string_view architecture) {
  for (const auto& [key, value] : profile.items()) {
    static constexpr std::string_view kKeys[] = {"defaultAction", "defaultErrnoRet", "architectures", "flags",
                                                 "syscalls"};
    if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys))
      return "\"" + key + "\" is not part of an OCI seccomp profile";
  }
  const auto action = profile.at("defaultAction").get<std::string>();
  if (!is_action(action)) return "defaultAction \"" + action + "\" is no action that can be carried out";
  if (profile.contains("architectures")) {
    const auto names = profile.at("architectures").get<std::vector<std::string>>();
    if (!names.empty() &&
        std::find(names.begin(), names.end(), architecture_name(architecture)) == names.end())
      return std::string("architectures lacks this machine's, ") + architecture_name(architecture);
  }
  if (!profile.contains("syscalls")) return {};
  std::size_t index = 0;
  for (const auto& rule : profile.at("syscalls")) {
    if (auto wrong = rule_error(rule, architecture); !wrong.empty())
      return "syscalls[" + std::to_string(index) + "]: " + wrong;
    ++index;
  }
  return {};
}

}  // namespace

json default_seccomp(std::string_view architecture, const std::set<std::string>& capabilities) {
  json allowed = json::array();
  json rules = json::array();
  bool clone3 = false;
  for (const auto& call : system_calls(architecture)) {
    if (call.never) continue;
    if (granted(call, capabilities) || (call.capabilities.empty() && call.condition == CallCondition::none)) {
      allowed.push_back(call.name);
      clone3 = clone3 || call.name == "clone3";
    } else {
      append_conditional(call, rules);
    }
  }
  rules.push_back({{"names", std::move(allowed)}, {"action", kAllow}});
  if (!clone3) rules.push_back({{"names", {"clone3"}}, {"action", kErrno}, {"errnoRet", kEnosys}});
  return {{"defaultAction", kErrno},
          {"defaultErrnoRet", kEperm},
          {"architectures", {architecture_name(architecture)}},
          {"syscalls", std::move(rules)}};
}

Result<json> parse_seccomp(const std::string& text, const std::string& file,
                           std::string_view architecture) try {
  auto profile = json::parse(text);
  const auto wrong = profile.is_object() ? profile_error(profile, architecture) : "it is not a JSON object";
  if (wrong.empty()) return profile;
  return fail(Errc::failed_precondition, "seccomp profile " + file + ": " + wrong);
} catch (const json::exception& e) {
  return fail(Errc::failed_precondition,
              "seccomp profile " + file + " is not an OCI seccomp profile: " + e.what());
}

}  // namespace cloudless::runtime
