#include "actors/rollout/workload_view.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "messages/domain/rollout_history.hpp"

namespace cloudless::rollout {
namespace {

struct NodeFact {
  NodeStanding standing = NodeStanding::none;
  bool drained = false;
  std::shared_ptr<const Node> evicting;  ///< the node if it has a NO_EXECUTE taint
};

NodeFact node_fact_of(const Snapshot& snapshot, const NodeId& id) {
  if (id.empty()) return {};
  const auto node = snapshot.node(id);
  if (!node || node->state == NodeState::offline) return {NodeStanding::lost, false, nullptr};
  const bool evicts = std::any_of(node->taints.begin(), node->taints.end(),
                                  [](const Taint& t) { return t.effect == TaintEffect::no_execute; });
  return {node->state == NodeState::ready ? NodeStanding::ready : NodeStanding::doubt, node->draining,
          evicts ? node : nullptr};
}

/// The first reason counts.
Move move_of(const Snapshot& snapshot, const Replica& r, const NodeFact& node) {
  if (node.drained) return {StopCause::drain, 0};
  if (r.evict == StopCause::rebalance && node.standing != NodeStanding::none)
    return {StopCause::rebalance, 0};
  const auto version = node.evicting ? snapshot.version(r.workload, r.version) : nullptr;
  const auto leaves =
      version ? has_to_leave_at(*node.evicting, version->pod.placement.tolerations) : std::nullopt;
  return leaves ? Move{StopCause::taint, *leaves} : Move{};
}

/// Asks the snapshot once for each node.
class NodeFacts {
 public:
  explicit NodeFacts(const Snapshot& snapshot) : snapshot_(snapshot) {}
  NodeFact of(const NodeId& id) {
    if (id.empty()) return {};
    const auto [entry, is_new] = known_.try_emplace(std::string_view(id.value));
    if (is_new) entry->second = node_fact_of(snapshot_, id);
    return entry->second;
  }

 private:
  const Snapshot& snapshot_;
  std::unordered_map<std::string_view, NodeFact> known_;  // the names live in the snapshot's replicas
};

Millis startup_allowance_of(const Template& pod) {
  if (!pod.startup) return 0;
  return pod.startup->initial_delay + pod.startup->period * pod.startup->failure_threshold;
}

RolloutFact fact_of(const cloudless::Rollout& r) {
  RolloutFact out;
  out.cause = r.cause;
  out.state = r.state;
  out.from_version = r.from_version;
  out.created_at = r.created_at;
  out.paused = r.paused;
  out.promoted = r.promoted;
  out.started_at = r.started_at;
  out.progress_from = r.progress_from;
  out.switched_at = r.switched_at;
  out.mark = r.mark;
  return out;
}

bool is_earlier(const ReplicaFact& r, const RolloutFact& rollout) {
  return r.running_at != 0 ? r.running_at < rollout.started_at : r.created_at < rollout.created_at;
}

ReplicaFact replica_fact_of(const Snapshot& snapshot, const Replica& r, const NodeFact& node) {
  ReplicaFact out;
  out.ordinal = r.ordinal;
  out.version = r.version;
  out.running_at = r.running_at;
  out.ready_at = r.ready_at;
  out.first_ready_at = r.first_ready_at;
  out.created_at = r.created_at;
  out.phase = r.phase;
  out.node = node.standing;
  out.move = move_of(snapshot, r, node);
  out.ready = r.ready;
  out.serving = r.serving;
  out.leaving = r.is_leaving();
  out.unplaceable = r.phase == Phase::pending && !r.reason.empty();
  return out;
}

}  // namespace

bool WorkloadView::is_canary() const {
  if (!policy.canary || policy.strategy != RolloutStrategy::rolling_update || !rollout || replicas == 0)
    return false;
  if (!is_active() || rollout->promoted || rollout->from_version == 0) return false;
  return rollout->cause == RolloutCause::updated || rollout->cause == RolloutCause::restarted;
}

ReplicaFact fact_of(const Snapshot& snapshot, const Replica& replica) {
  return replica_fact_of(snapshot, replica, node_fact_of(snapshot, replica.node));
}

ReplicaFacts replicas_of(const Snapshot& snapshot, const WorkloadUid& workload) {
  ReplicaFacts out;
  NodeFacts nodes(snapshot);
  snapshot.replicas().visit_from(ReplicaSlot{workload, 0},
                                 [&](const ReplicaSlot& slot, const std::shared_ptr<const Replica>& r) {
                                   if (slot.workload != workload) return false;
                                   out.facts.push_back(replica_fact_of(snapshot, *r, nodes.of(r->node)));
                                   out.records.push_back(r.get());
                                   return true;
                                 });
  out.facts.shrink_to_fit();  // kept for as long as nothing of the workload changes
  out.records.shrink_to_fit();
  return out;
}

WorkloadView view_of(const Snapshot& snapshot, const Workload& workload, std::vector<ReplicaFact> facts) {
  WorkloadView view;
  view.replicas = workload.spec.replicas;
  view.policy = workload.spec.rollout;
  view.bounds = bounds_of(view.policy, view.replicas);
  view.version = workload.version;
  view.serving_version = workload.serving_version;
  view.runs_to_completion = workload.spec.pod.restart.mode != RestartMode::always;
  // What ends by itself never serves as a full set: two sets make no sense for it.
  if (view.runs_to_completion && view.policy.strategy == RolloutStrategy::blue_green)
    view.policy.strategy = RolloutStrategy::rolling_update;
  view.startup_allowance = startup_allowance_of(workload.spec.pod);
  const auto rollout = workload.rollout == 0 ? nullptr : snapshot.rollout(workload.uid, workload.rollout);
  if (rollout) view.rollout = fact_of(*rollout);

  std::vector<std::uint64_t> proven;  // ascending
  for (const auto& version : snapshot.versions_of(workload.uid)) {
    if (!version->proven) continue;
    proven.push_back(version->number);
    if (rollout && version->number == rollout->from_version) view.from_proven = true;
    if (version->number == view.serving_version) view.serving_proven = true;
  }

  view.last_proven = last_good_version(snapshot, workload);

  view.facts = std::move(facts);
  for (auto& r : view.facts) {
    r.earlier = view.rollout && is_earlier(r, *view.rollout);
    r.proven = std::binary_search(proven.begin(), proven.end(), r.version);
  }
  return view;
}

}  // namespace cloudless::rollout
