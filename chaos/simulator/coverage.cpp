#include "chaos/simulator/coverage.hpp"

#include <algorithm>

namespace cloudless::sim {

void Coverage::see(const Snapshot& before, const Commit& commit) {
  for (const auto& change : commit.changes) {
    if (change.key.kind == RecordKind::replica) {
      const auto old = before.replica(ReplicaId{change.key.id});
      if (!change.record) {
        count("replica: forgotten");
        continue;
      }
      const auto& now = *std::get<std::shared_ptr<const Replica>>(*change.record);
      if (!old)
        count("replica: born");
      else if (old->phase != now.phase)
        count(std::string("replica: ") + to_string(old->phase) + " -> " + to_string(now.phase));
      else if (old->attempt != now.attempt)
        count("replica: new attempt");
      if (old && !old->stop_requested() && now.stop_requested())
        count(std::string("stop: ") + to_string(now.stop));
      if (old && !old->is_leaving() && now.withdrawn != StopCause::none)
        count(std::string("withdrawn: ") + to_string(now.withdrawn));
      if (old && old->preempted_for.empty() && !now.preempted_for.empty()) see_eviction(before, now);
      if (now.ready && (!old || !old->ready)) count("replica: ready");
      if (old && old->evict != now.evict) count("replica: asked to move");
      if (old && old->node.empty() && !now.node.empty()) see_place(before, now);
    } else if (change.key.kind == RecordKind::node && change.record) {
      const auto old = before.node(NodeId{change.key.id});
      const auto& now = *std::get<std::shared_ptr<const Node>>(*change.record);
      if (!old || old->incarnation != now.incarnation) count("node: registered");
      if (old && old->state != now.state)
        count(std::string("node: ") + to_string(old->state) + " -> " + to_string(now.state));
      if (old && old->cordoned != now.cordoned) count(now.cordoned ? "node: cordoned" : "node: uncordoned");
      if (old && old->taints != now.taints) count("node: other taints");
      if (old && old->labels != now.labels) count("node: other labels");
      if (old && !(old->description.allocatable == now.description.allocatable)) count("node: other size");
      if (old && old->draining != now.draining) count(now.draining ? "node: drained" : "node: drain ended");
    } else if (change.key.kind == RecordKind::workload) {
      const auto old = before.workload(WorkloadUid{change.key.id});
      if (!change.record)
        count("workload: forgotten");
      else if (!old)
        count("workload: created");
      else if (const auto& now = *std::get<std::shared_ptr<const Workload>>(*change.record);
               now.version != old->version)
        count("workload: new version");
      else if (now.deleted && !old->deleted)
        count("workload: deleted");
      else if (now.spec.replicas != old->spec.replicas)
        count("workload: scaled");
    } else if (change.key.kind == RecordKind::rollout) {
      const auto slash = change.key.id.find('/');
      const auto old = before.rollout(WorkloadUid{change.key.id.substr(0, slash)},
                                      std::stoull(change.key.id.substr(slash + 1)));
      if (!change.record) {
        count("rollout: forgotten");
        continue;
      }
      const auto& now = *std::get<std::shared_ptr<const Rollout>>(*change.record);
      if (!old)
        count(std::string("rollout: ") + to_string(now.cause));
      else if (old->state != now.state)
        count(std::string("rollout: ") + to_string(old->state) + " -> " + to_string(now.state));
      else if (old->paused != now.paused)
        count(now.paused ? "rollout: paused" : "rollout: resumed");
      else if (now.promoted && !old->promoted)
        count("rollout: promoted");
      else if (now.switched_at != old->switched_at)
        count("rollout: switched");
      else
        count("rollout: time marked");
    } else if (change.key.kind == RecordKind::version && !change.record) {
      count("version: forgotten");
    }
  }
}

/// Which rules places are found by.
void Coverage::see_place(const Snapshot& before, const Replica& placed) {
  const auto version = before.version(placed.workload, placed.version);
  const auto workload = before.workload(placed.workload);
  if (!version || !workload) return;
  const auto& placement = version->pod.placement;
  const auto required = [](const std::vector<AffinityTerm>& terms) {
    return std::any_of(terms.begin(), terms.end(), [](const AffinityTerm& t) { return t.required; });
  };
  if (!placement.node_selector.empty() || !placement.zones.empty()) count("placed: by rules about nodes");
  if (!placement.tolerations.empty()) count("placed: with tolerations");
  if (required(placement.affinity)) count("placed: near others");
  if (required(placement.anti_affinity)) count("placed: away from others");
  if (placement.max_skew) count("placed: evenly");
  if (!version->pod.ports.empty()) count("placed: with a port of the node");
  if (!placed.gpus.empty()) count("placed: with GPUs");
  if (workload->spec.all_or_nothing) count("placed: all or nothing");
}

void Coverage::see_eviction(const Snapshot& before, const Replica& victim) {
  const auto winner = before.replica(victim.preempted_for);
  const auto workload = winner ? before.workload(winner->workload) : nullptr;
  if (workload && workload->spec.all_or_nothing) count("evicted: for a gang");
}

std::uint64_t Coverage::total(const std::string& prefix) const {
  std::uint64_t sum = 0;
  for (const auto& [what, times] : counts_)
    if (what.starts_with(prefix)) sum += times;
  return sum;
}

}  // namespace cloudless::sim
