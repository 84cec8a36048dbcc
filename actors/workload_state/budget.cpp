#include "actors/workload_state/budget.hpp"

#include <algorithm>
#include <string>

namespace cloudless::workload_state {

bool counts_as_available(const Replica& replica, const Node* node) {
  return replica.phase == Phase::running && replica.ready && replica.serving && !replica.stop_requested() &&
         node != nullptr && node->state == NodeState::ready;
}

bool counts_as_available(const Replica& replica, const Snapshot& snapshot) {
  return replica.phase == Phase::running && counts_as_available(replica, snapshot.node(replica.node).get());
}

Availability availability_of(const Snapshot& snapshot, const WorkloadUid& uid) {
  Availability out;
  for (const auto& replica : snapshot.replicas_of(uid)) {
    if (!counts_as_available(*replica, snapshot)) continue;
    ++out.counting;
    ++out.on_node[replica->node];
  }
  return out;
}

std::uint32_t floor_for(const Workload& workload, const Replica& replica, StopCause cause) {
  if (workload.deleted) return 0;
  if (cause == StopCause::recreate && workload.spec.rollout.strategy == RolloutStrategy::recreate &&
      replica.version != workload.version)
    return 0;
  return bounds_of(workload.spec.rollout, workload.spec.replicas).min_available;
}

Result<std::vector<Precondition>> Budget::permit(const Snapshot& now, const Workload& workload,
                                                 const Replica& replica, StopCause cause) {
  std::vector<Precondition> relied_on;
  const std::uint32_t floor = floor_for(workload, replica, cause);
  if (!counts_as_available(replica, now)) {
    // It would count as soon as its node is READY again: that must not have happened when this is committed.
    if (Node ready; floor > 0 && counts_as_available(replica, &ready))
      relied_on.push_back({node_key(replica.node), now.guard(node_key(replica.node))});
    return relied_on;
  }

  auto known = known_.find(workload.uid);
  if (floor == 0 && known == known_.end()) return relied_on;
  if (known == known_.end()) known = known_.emplace(workload.uid, availability_of(now, workload.uid)).first;
  Availability& left = known->second;
  if (left.counting <= floor)
    return fail(Errc::failed_precondition,
                "stopping " + replica.id.value + " would leave " + std::to_string(left.counting - 1) +
                    " of the at least " + std::to_string(floor) + " available replicas of workload " +
                    workload.ns + "/" + workload.name + "; it may stop when another one is ready");
  --left.counting;
  --left.on_node[replica.node];

  // If one of these nodes is lost first, fewer would be left than were counted: the commit must fail then.
  std::uint32_t covered = 0;
  for (const auto& [id, count] : left.on_node) {
    if (covered >= floor) break;
    if (count == 0) continue;
    covered += count;
    relied_on.push_back({node_key(id), now.node(id)->schedulable_revision});
  }
  return relied_on;
}

}  // namespace cloudless::workload_state
