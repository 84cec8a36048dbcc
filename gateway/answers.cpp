#include "gateway/answers.hpp"

#include "actors/workload_state/drain_status.hpp"
#include "actors/workload_state/status.hpp"
#include "messages/codec/api_objects.hpp"
#include "telemetry/system_clock.hpp"

namespace cloudless::gateway {

api::Workload describe(const Snapshot& snapshot, const Workload& workload, Revision store_revision) {
  const auto now = telemetry::SystemClock{}.wall();
  return codec::to_api(workload, workload_state::derive_status(snapshot, workload, now), store_revision);
}

api::Node describe(const Snapshot& snapshot, const Node& node, const StatusTime& now,
                   Revision store_revision) {
  Resources reserved;
  std::uint32_t replicas = 0;
  for (const auto& replica : snapshot.replicas_on(node.description.id)) {
    if (is_terminal(replica->phase)) continue;
    ++replicas;
    if (const auto version = snapshot.version(replica->workload, replica->version))
      reserved += version->pod.requests;
  }
  std::optional<DrainStatus> drain;
  if (node.draining) drain = workload_state::derive_drain(snapshot, node, now);
  return codec::to_api(node, reserved, replicas, drain, store_revision);
}

api::Rollout describe(const Snapshot& snapshot, const Workload& workload, const Rollout& rollout,
                      const StatusTime& now, Revision store_revision) {
  const auto status = workload_state::derive_rollout(snapshot, workload, rollout, now);
  return codec::to_api(rollout, workload, status, now.wall, store_revision);
}

}  // namespace cloudless::gateway
