#include "actors/workload_state/fragments.hpp"

#include <algorithm>

namespace cloudless::workload_state {

Fragments fragments_of(const Snapshot& snapshot, const Node& node) {
  const auto& described = node.description;
  Fragments out;
  out.system = described.capacity - described.allocatable;
  out.free = out.reservable = described.reservable();
  for (const auto& replica : snapshot.replicas_on(described.id)) {
    if (is_terminal(replica->phase)) continue;
    const auto version = snapshot.version(replica->workload, replica->version);
    out.replicas.push_back({replica, version ? version->pod.requests : Resources{}});
    out.free -= out.replicas.back().resources;
  }
  std::sort(out.replicas.begin(), out.replicas.end(),
            [](const Fragment& a, const Fragment& b) { return a.replica->id < b.replica->id; });
  const auto left = out.free.gpu_thousandths();
  out.free.gpu_count = std::max<std::int64_t>(0, left / 1000);
  out.free.gpu_milli = std::max<std::int64_t>(0, left % 1000);
  for (auto* amount :
       {&out.free.cpu_millicores, &out.free.memory_bytes, &out.free.storage_bytes, &out.free.bandwidth_bps})
    *amount = std::max<std::int64_t>(0, *amount);
  return out;
}

}  // namespace cloudless::workload_state
