#include "messages/codec/check_security.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "messages/domain/capability.hpp"
#include "messages/domain/container.hpp"
#include "messages/domain/names.hpp"
#include "messages/domain/sysctl.hpp"

namespace cloudless::codec {
namespace {

constexpr std::uint64_t kMaxId = 4294967294;
constexpr std::size_t kMaxGroups = 32;
constexpr std::size_t kMaxCapabilities = 64;
constexpr std::size_t kMaxSysctls = 64;
constexpr std::size_t kMaxPaths = 64;
constexpr std::size_t kMaxProfile = 255;
constexpr char kAll[] = "ALL";

using RepeatedText = google::protobuf::RepeatedPtrField<std::string>;

void check_ids(const api::SecurityContext& security, const std::string& path, Violations& v) {
  if (security.has_run_as_user()) v.check_range(path + ".run_as_user", security.run_as_user(), 0, kMaxId);
  if (security.has_run_as_group()) v.check_range(path + ".run_as_group", security.run_as_group(), 0, kMaxId);
  const auto groups = path + ".supplemental_groups";
  v.check_count(groups, static_cast<std::size_t>(security.supplemental_groups_size()), kMaxGroups);
  std::size_t index = 0;
  for (const auto group : security.supplemental_groups())
    v.check_range(item(groups, index++), group, 0, kMaxId);
  if (security.run_as_non_root() && security.has_run_as_user() && security.run_as_user() == 0)
    v.add(path + ".run_as_user", "is 0, which is root, and run_as_non_root is set");
}

std::string without_prefix(const std::string& capability) {
  return capability.substr(capability.starts_with("CAP_") ? 4 : 0);
}

std::set<std::string> check_capabilities(const RepeatedText& words, const std::string& path, Violations& v) {
  v.check_count(path, static_cast<std::size_t>(words.size()), kMaxCapabilities);
  std::set<std::string> seen;
  std::size_t index = 0;
  for (const auto& word : words) {
    const auto here = item(path, index++);
    const auto name = without_prefix(word);
    if (word != kAll && capability_bit(name) == 0)
      v.add(here, "is \"" + word.substr(0, 80) +
                      "\", which is no capability; write it as \"NET_ADMIN\", or \"ALL\"");
    else if (!seen.insert(name).second)
      v.add(here, "is " + name + " again");
  }
  return seen;
}

void check_profile(const std::string& text, const std::string& path, bool is_file, Violations& v) {
  if (text.empty()) return;
  const auto profile = parse_security_profile(text);
  if (!profile)
    return v.add(path, "is \"" + text.substr(0, 80) +
                           "\", expected \"RUNTIME_DEFAULT\", \"UNCONFINED\" or \"LOCALHOST/<" +
                           (is_file ? "file" : "profile") + ">\"");
  if (profile->kind != ProfileKind::localhost) return;
  const auto& name = profile->name;
  const auto control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  if (name.size() > kMaxProfile || std::any_of(name.begin(), name.end(), control))
    return v.add(path, "names a profile that is not 1-255 printable characters");
  if (!is_file) return;
  const auto parts = "/" + name + "/";
  if (name.front() == '/' || parts.find("/../") != std::string::npos ||
      parts.find("/./") != std::string::npos || parts.find("//") != std::string::npos)
    v.add(path, "names \"" + name + "\", which is not a plain path below the node's folder of profiles");
}

/// "user:role:type:level", the level may have colons of its own.
bool is_selinux_label(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':' || c == '-' || c == '.' || c == ',';
  };
  return text.size() <= kMaxProfile && std::count(text.begin(), text.end(), ':') >= 3 &&
         text.front() != ':' && text.back() != ':' && text.find("::") == std::string::npos &&
         std::all_of(text.begin(), text.end(), plain);
}

void check_sysctls(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  const auto& security = spec.security_context();
  v.check_count(path, security.sysctls().size(), kMaxSysctls);
  const std::map<std::string, std::string> ordered(security.sysctls().begin(), security.sysctls().end());
  for (const auto& [name, value] : ordered) {
    const auto here = path + "[" + name.substr(0, 80) + "]";
    if (!is_sysctl_name(name)) {
      v.add(here, "is no name of a kernel parameter; write it as \"net.ipv4.tcp_syncookies\"");
      continue;
    }
    const auto scope = sysctl_scope(name);
    if (scope == SysctlScope::machine)
      v.add(here,
            "belongs to the whole machine; only kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.* and net.* "
            "are a container's own");
    else if (scope == SysctlScope::network && spec.host_network())
      v.add(here, "would be the machine's own with host_network");
    else if (scope == SysctlScope::ipc && security.host_ipc())
      v.add(here, "would be the machine's own with host_ipc");
    if (const auto expected = sysctl_value_error(name, value); !expected.empty())
      v.add(here, "has a value that is not " + expected);
  }
}

void check_paths(const RepeatedText& paths, const std::string& path, Violations& v) {
  v.check_count(path, static_cast<std::size_t>(paths.size()), kMaxPaths);
  std::size_t index = 0;
  for (const auto& word : paths) {
    if (auto reason = path_error(word); !reason.empty()) v.add(item(path, index), std::move(reason));
    ++index;
  }
}

}  // namespace

void check_security(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  if (!spec.runtime_class().empty() && !is_dns_subdomain(spec.runtime_class()))
    v.add(join(path, "runtime_class"), "must be a DNS name of 1-63 characters of a-z, 0-9, - and .");
  if (!spec.has_security_context()) return;
  const auto& security = spec.security_context();
  const auto here = join(path, "security_context");
  check_ids(security, here, v);
  const auto added = check_capabilities(security.capabilities_add(), here + ".capabilities_add", v);
  const auto dropped = check_capabilities(security.capabilities_drop(), here + ".capabilities_drop", v);
  for (const auto& name : added)
    if (dropped.contains(name)) v.add(here + ".capabilities_add", "and capabilities_drop both name " + name);
  check_profile(security.seccomp(), here + ".seccomp", true, v);
  check_profile(security.apparmor(), here + ".apparmor", false, v);
  if (!security.selinux().empty() && !is_selinux_label(security.selinux()))
    v.add(here + ".selinux", "must be a label \"user:role:type:level\" of at most 255 characters");
  check_sysctls(spec, here + ".sysctls", v);
  check_paths(security.masked_paths(), here + ".masked_paths", v);
  check_paths(security.read_only_paths(), here + ".read_only_paths", v);
  if (security.privileged() && security.capabilities_drop_size() > 0)
    v.add(here + ".capabilities_drop", "and privileged contradict each other");
}

}  // namespace cloudless::codec
