#include "actors/scheduler/ask.hpp"

#include <algorithm>

namespace cloudless::scheduler {
namespace {

constexpr std::int64_t kMebibyte = 1 << 20;
constexpr std::int64_t kKilobit = 1000;
constexpr std::int64_t kMostAmount = (1 << 30) - 1;

std::int32_t bounded(std::int64_t amount) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(amount, 0, kMostAmount));
}
std::int32_t rounded_up(std::int64_t amount, std::int64_t unit) {
  return bounded(amount / unit + (amount % unit > 0 ? 1 : 0));
}

}  // namespace

engine::Amounts requested(const Resources& r) {
  return {bounded(r.cpu_millicores),
          rounded_up(r.memory_bytes, kMebibyte),
          rounded_up(r.storage_bytes, kMebibyte),
          rounded_up(r.bandwidth_bps, kKilobit),
          bounded(r.gpu_count),
          r.gpu_count > 0 ? 0 : bounded(r.gpu_milli)};
}

engine::Amounts offered(const NodeDescription& node) {
  const Resources r = node.reservable();
  return {bounded(r.cpu_millicores),
          bounded(r.memory_bytes / kMebibyte),
          bounded(r.storage_bytes / kMebibyte),
          bounded(r.bandwidth_bps / kKilobit),
          std::min<std::int32_t>(bounded(r.gpu_count), engine::kMaxGpus),
          0};
}

Ask ask_of(std::shared_ptr<const Template> pod) {
  Ask ask;
  ask.amounts = requested(pod->requests);
  for (const auto& port : pod->ports) {
    if (pod->host_network)
      ask.host_ports.emplace_back(port.protocol, port.container_port);
    else if (port.host_port.value_or(0) != 0)
      ask.host_ports.emplace_back(port.protocol, *port.host_port);
  }
  const auto& away = pod->placement.anti_affinity;
  ask.guards = std::any_of(away.begin(), away.end(),
                           [](const AffinityTerm& t) { return t.required && !t.workload_selector.empty(); });
  ask.pod = std::move(pod);
  return ask;
}

}  // namespace cloudless::scheduler
