#include "messages/domain/capability.hpp"

#include <algorithm>

namespace cloudless {

const std::vector<std::string>& capability_names() {
  // linux/capability.h, in the order of the numbers.
  static const std::vector<std::string> names = {"CHOWN",
                                                 "DAC_OVERRIDE",
                                                 "DAC_READ_SEARCH",
                                                 "FOWNER",
                                                 "FSETID",
                                                 "KILL",
                                                 "SETGID",
                                                 "SETUID",
                                                 "SETPCAP",
                                                 "LINUX_IMMUTABLE",
                                                 "NET_BIND_SERVICE",
                                                 "NET_BROADCAST",
                                                 "NET_ADMIN",
                                                 "NET_RAW",
                                                 "IPC_LOCK",
                                                 "IPC_OWNER",
                                                 "SYS_MODULE",
                                                 "SYS_RAWIO",
                                                 "SYS_CHROOT",
                                                 "SYS_PTRACE",
                                                 "SYS_PACCT",
                                                 "SYS_ADMIN",
                                                 "SYS_BOOT",
                                                 "SYS_NICE",
                                                 "SYS_RESOURCE",
                                                 "SYS_TIME",
                                                 "SYS_TTY_CONFIG",
                                                 "MKNOD",
                                                 "LEASE",
                                                 "AUDIT_WRITE",
                                                 "AUDIT_CONTROL",
                                                 "SETFCAP",
                                                 "MAC_OVERRIDE",
                                                 "MAC_ADMIN",
                                                 "SYSLOG",
                                                 "WAKE_ALARM",
                                                 "BLOCK_SUSPEND",
                                                 "AUDIT_READ",
                                                 "PERFMON",
                                                 "BPF",
                                                 "CHECKPOINT_RESTORE"};
  return names;
}

std::uint64_t capability_bit(std::string_view name) {
  const auto& names = capability_names();
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? 0 : std::uint64_t{1} << (found - names.begin());
}

bool acts_on_machine(std::string_view name) {
  static constexpr std::string_view kMachine[] = {
      "AUDIT_CONTROL", "AUDIT_READ",   "BLOCK_SUSPEND", "BPF",      "CHECKPOINT_RESTORE", "DAC_READ_SEARCH",
      "MAC_ADMIN",     "MAC_OVERRIDE", "PERFMON",       "SYSLOG",   "SYS_ADMIN",          "SYS_BOOT",
      "SYS_MODULE",    "SYS_PACCT",    "SYS_RAWIO",     "SYS_TIME", "SYS_TTY_CONFIG",     "WAKE_ALARM"};
  return std::find(std::begin(kMachine), std::end(kMachine), name) != std::end(kMachine);
}

std::vector<std::string> capabilities_of(std::uint64_t bits) {
  std::vector<std::string> out;
  const auto& names = capability_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    if ((bits >> i & 1) != 0) out.push_back(names[i]);
  return out;
}

}  // namespace cloudless
