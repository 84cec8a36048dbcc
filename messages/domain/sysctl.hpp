// Kernel parameters that belong to a container's own namespaces, so that setting one there leaves the machine
// as it is. Pure table: messages/codec checks users' words with it, the agent decides with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cloudless {

enum class SysctlScope {
  machine,  ///< one for the whole machine: never set
  ipc,      ///< of the IPC namespace: shared memory, semaphores, message queues
  network   ///< of the network namespace
};

/// Which namespace a parameter belongs to ("net.ipv4.tcp_keepalive_time": network).
SysctlScope sysctl_scope(std::string_view name);

/// Dots between words of [a-z0-9_-], at most 128 characters: "net.ipv4.conf.all.rp_filter".
bool is_sysctl_name(std::string_view name);

/// Parameters that any workload may set: they cost the machine nothing and reach no other container.
bool is_safe_sysctl(std::string_view name);
std::vector<std::string> safe_sysctls();

/// Empty if `value` may be written to `name`; else what is expected. Safe ones are whole numbers within their
/// range; of others only that it is one line of 1-256 printable characters.
std::string sysctl_value_error(std::string_view name, std::string_view value);

}  // namespace cloudless
