#include "actors/rollout/census.hpp"

namespace cloudless::rollout {
namespace {

bool ended_by_itself(const Replica& r) {
  return (r.phase == Phase::succeeded || r.phase == Phase::failed) && !r.stop_requested();
}

}  // namespace

bool on_lost_node(const Snapshot& view, const Replica& replica) {
  if (replica.node.empty()) return false;
  const auto node = view.node(replica.node);
  return !node || node->state == NodeState::offline;
}

bool is_available(const Snapshot& view, const Replica& replica) {
  if (replica.phase != Phase::running || !replica.ready || !replica.serving || replica.stop_requested())
    return false;
  const auto node = view.node(replica.node);
  return node && node->state == NodeState::ready;
}

bool is_in_doubt(const Snapshot& view, const Replica& replica) {
  if (replica.node.empty()) return false;
  const auto node = view.node(replica.node);
  return node && node->state == NodeState::suspect;
}

Census take_census(const Snapshot& view, const Workload& workload) {
  Census census;
  for (const auto& r : view.replicas_of(workload.uid)) {
    if (is_terminal(r->phase))
      (ended_by_itself(*r) && r->version == workload.version ? census.finished : census.history).push_back(r);
    else if (r->stop_requested())
      census.stopping.push_back(r);
    else if (on_lost_node(view, *r))
      census.lost.push_back(r);
    else
      (r->version == workload.version ? census.current : census.outdated).push_back(r);
  }
  return census;
}

}  // namespace cloudless::rollout
