#include "actors/workload_state/budget.hpp"

#include <algorithm>
#include <string>

namespace cloudless::workload_state {
namespace {

/// If one of these nodes is lost first, fewer would be left than were counted: the commit must fail then.
void rely_on_nodes(const Snapshot& now, const Availability& left, std::uint32_t floor,
                   std::vector<Precondition>& relied_on) {
  std::uint32_t covered = 0;
  for (const auto& [id, count] : left.on_node) {
    if (covered >= floor) break;
    if (count == 0) continue;
    covered += count;
    relied_on.push_back({node_key(id), now.node(id)->schedulable_revision});
  }
}

std::string shortage(std::uint32_t left, std::uint32_t floor) {
  return "it would leave ready=" + std::to_string(left) + ", min=" + std::to_string(floor);
}

}  // namespace

bool counts_as_available(const Replica& replica, const Node* node) {
  return replica.phase == Phase::running && replica.ready && replica.serving && !replica.is_leaving() &&
         node != nullptr && node->state == NodeState::ready;
}

bool is_available(const Workload& workload, const Replica& replica, const Node* node, Millis moment) {
  return counts_as_available(replica, node) &&
         (workload.serving_version == 0 || workload.serving_version == replica.version) &&
         moment - replica.ready_at >= workload.spec.rollout.min_ready;
}

Availability availability_of(const Snapshot& snapshot, const Workload& workload, Millis moment) {
  Availability out;
  for (const auto& replica : snapshot.replicas_of(workload.uid)) {
    if (replica->phase != Phase::running ||
        !is_available(workload, *replica, snapshot.node(replica->node).get(), moment))
      continue;
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
  if (!is_available(workload, replica, now.node(replica.node).get(), moment_)) {
    // It would count as soon as its node is READY again: that must not have happened when this is committed.
    if (Node ready; floor > 0 && is_available(workload, replica, &ready, moment_))
      relied_on.push_back({node_key(replica.node), now.guard(node_key(replica.node))});
    return relied_on;
  }

  auto known = known_.find(workload.uid);
  if (floor == 0 && known == known_.end()) return relied_on;
  if (known == known_.end())
    known = known_.emplace(workload.uid, availability_of(now, workload, moment_)).first;
  Availability& left = known->second;
  if (left.counting <= floor)
    return fail(Errc::failed_precondition, "stopping " + replica.id.value +
                                               " is refused: " + shortage(left.counting - 1, floor) +
                                               "; it may stop when another one is ready");
  --left.counting;
  --left.on_node[replica.node];
  rely_on_nodes(now, left, floor, relied_on);
  return relied_on;
}

Result<std::vector<Precondition>> Budget::permit_switch(const Snapshot& now, const Workload& workload,
                                                        std::uint64_t version) {
  std::vector<Precondition> relied_on;
  Workload switched = workload;
  switched.serving_version = version;
  const std::uint32_t floor = bounds_of(workload.spec.rollout, workload.spec.replicas).min_available;
  const Availability left = availability_of(now, switched, moment_);
  // With every version serving nothing is taken away.
  if (version != 0 && left.counting < floor)
    return fail(Errc::failed_precondition, "serving with version " + std::to_string(version) +
                                               " of workload " + workload.ns + "/" + workload.name +
                                               " alone is refused: " + shortage(left.counting, floor) +
                                               "; it may serve when more of its replicas are ready");
  if (version != 0) rely_on_nodes(now, left, floor, relied_on);
  forget(workload.uid);
  return relied_on;
}

}  // namespace cloudless::workload_state
