#include "gateway/answers.hpp"

#include "actors/workload_state/status.hpp"
#include "messages/codec/api_objects.hpp"
#include "telemetry/system_clock.hpp"

namespace cloudless::gateway {

api::Workload describe(const Snapshot& snapshot, const Workload& workload, Revision store_revision) {
  const auto now = telemetry::SystemClock{}.wall();
  return codec::to_api(workload, workload_state::derive_status(snapshot, workload, now), store_revision);
}

api::Node describe(const Snapshot& snapshot, const Node& node, Revision store_revision) {
  Resources reserved;
  std::uint32_t replicas = 0;
  for (const auto& replica : snapshot.replicas_on(node.description.id)) {
    if (is_terminal(replica->phase)) continue;
    ++replicas;
    if (const auto version = snapshot.version(replica->workload, replica->version))
      reserved += version->pod.requests;
  }
  return codec::to_api(node, reserved, replicas, store_revision);
}

}  // namespace cloudless::gateway
