#include "messages/domain/sysctl.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace cloudless {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxValue = 256;
constexpr std::int64_t kMaxInt = 2147483647;
constexpr std::int64_t kMaxId = 4294967294;

/// What a safe parameter holds: `count` whole numbers, each within the range, in rising order if asked.
struct SafeSysctl {
  std::string_view name;
  int count;
  std::int64_t low;
  std::int64_t high;
  bool rising;
};

constexpr SafeSysctl kSafe[] = {
    {"kernel.shm_rmid_forced", 1, 0, 1, false},
    {"net.ipv4.ip_local_port_range", 2, 1, 65535, true},
    {"net.ipv4.ip_unprivileged_port_start", 1, 0, 65535, false},
    {"net.ipv4.ping_group_range", 2, 0, kMaxId, false},  // "1 0", the default: nobody
    {"net.ipv4.tcp_fin_timeout", 1, 1, kMaxInt / 1000, false},
    {"net.ipv4.tcp_keepalive_intvl", 1, 1, 32767, false},
    {"net.ipv4.tcp_keepalive_probes", 1, 1, 127, false},
    {"net.ipv4.tcp_keepalive_time", 1, 1, 32767, false},
    {"net.ipv4.tcp_rmem", 3, 1, kMaxInt, true},
    {"net.ipv4.tcp_syncookies", 1, 0, 2, false},
    {"net.ipv4.tcp_wmem", 3, 1, kMaxInt, true},
};

const SafeSysctl* safe(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kSafe), std::end(kSafe), [&](const SafeSysctl& s) { return s.name == name; });
  return found == std::end(kSafe) ? nullptr : found;
}

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/// Whole numbers between blanks; empty if there is anything else.
std::vector<std::int64_t> numbers(std::string_view text) {
  std::vector<std::int64_t> out;
  while (!text.empty()) {
    if (text.front() == ' ' || text.front() == '\t') {
      text.remove_prefix(1);
      continue;
    }
    const auto* end = text.data() + std::min(text.find_first_of(" \t"), text.size());
    const auto [rest, error] = std::from_chars(text.data(), end, out.emplace_back());
    if (error != std::errc{} || rest != end) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return out;
}

}  // namespace

SysctlScope sysctl_scope(std::string_view name) {
  if (name.starts_with("net.")) return SysctlScope::network;
  if (name.starts_with("fs.mqueue.")) return SysctlScope::ipc;
  static constexpr std::string_view kIpc[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                              "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                              "kernel.shmmni", "kernel.shm_rmid_forced"};
  const bool ipc = std::find(std::begin(kIpc), std::end(kIpc), name) != std::end(kIpc);
  return ipc ? SysctlScope::ipc : SysctlScope::machine;
}

bool is_sysctl_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxName || name.front() == '.' || name.back() == '.') return false;
  bool dot = true;
  for (const char c : name) {
    if (c == '.' ? dot : !is_word_char(c)) return false;
    dot = c == '.';
  }
  return true;
}

bool is_safe_sysctl(std::string_view name) {
  return safe(name) != nullptr;
}

std::vector<std::string> safe_sysctls() {
  std::vector<std::string> out;
  for (const auto& s : kSafe) out.emplace_back(s.name);
  return out;
}

std::string sysctl_value_error(std::string_view name, std::string_view value) {
  const auto printable = [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; };
  if (value.empty() || value.size() > kMaxValue || !std::all_of(value.begin(), value.end(), printable))
    return "one line of 1-256 printable characters";
  const auto* known = safe(name);
  if (known == nullptr) return {};
  const auto given = numbers(value);
  const bool fits = given.size() == static_cast<std::size_t>(known->count) &&
                    std::all_of(given.begin(), given.end(),
                                [&](std::int64_t n) { return n >= known->low && n <= known->high; }) &&
                    (!known->rising || std::is_sorted(given.begin(), given.end()));
  if (fits) return {};
  const auto range = std::to_string(known->low) + " to " + std::to_string(known->high);
  if (known->count == 1) return "a whole number from " + range;
  return std::to_string(known->count) + " whole numbers from " + range +
         (known->rising ? ", the least first" : "");
}

}  // namespace cloudless
