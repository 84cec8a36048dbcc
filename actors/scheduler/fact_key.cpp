#include "actors/scheduler/fact_key.hpp"

#include <algorithm>
#include <variant>

namespace cloudless::scheduler {

bool asks_policy(const Template& pod) {
  const auto& s = pod.security;
  return pod.host_network || s.privileged || s.host_pid || s.host_ipc ||
         std::any_of(pod.volumes.begin(), pod.volumes.end(),
                     [](const Volume& v) { return std::holds_alternative<HostPath>(v.source); });
}

FactKey policy_key(const Template& pod) {
  FactKey key("policy");
  const auto& s = pod.security;
  key.add((pod.host_network ? 1U : 0U) + (s.privileged ? 2U : 0U) + (s.host_pid ? 4U : 0U) +
          (s.host_ipc ? 8U : 0U));
  for (const auto& volume : pod.volumes)
    if (const auto* host = std::get_if<HostPath>(&volume.source))
      key.add(host->path).add(volume.read_only ? 1U : 0U);
  return key;
}

}  // namespace cloudless::scheduler
