#include "actors/rollout/reconcile.hpp"

#include <algorithm>
#include <utility>

#include "actors/rollout/census.hpp"
#include "actors/rollout/failure_words.hpp"
#include "actors/rollout/forget.hpp"
#include "actors/rollout/step.hpp"

namespace cloudless::rollout {
namespace {

using Items = std::vector<ProposalItem>;

void add(const Workload& workload, const std::vector<Start>& starts, Items& items) {
  std::uint64_t ordinal = workload.next_ordinal;
  for (const auto& start : starts) {
    const std::uint32_t count = std::min(start.count, kMaxAdded);
    items.emplace_back(AddReplicas{workload.uid, start.version, ordinal, count, workload.version});
    ordinal += count;
  }
}

void end(const Workload& workload, const WorkloadView& view, const std::vector<const Replica*>& records,
         const Verdict& verdict, Items& items) {
  if (verdict.state == RolloutState::active) return;
  EndRollout item;
  item.workload = workload.uid;
  item.rollout = workload.rollout;
  item.state = verdict.state;
  if (verdict.state == RolloutState::failed)
    item.reason = failure_words(view, verdict, verdict.replica ? records[*verdict.replica] : nullptr);
  item.back_to = verdict.back_to;
  item.workload_revision = workload.revision;
  items.emplace_back(std::move(item));
}

void carry_out(const Workload& workload, const WorkloadView& view, const std::vector<const Replica*>& records,
               const Step& step, Items& items) {
  add(workload, step.starts, items);
  for (const auto& stop : step.stops) items.emplace_back(StopReplica{records[stop.replica]->id, stop.cause});
  if (step.switch_to) items.emplace_back(SwitchServing{workload.uid, workload.rollout, *step.switch_to});
  if (step.promote) items.emplace_back(PromoteRollout{workload.uid, workload.rollout});
  end(workload, view, records, step.verdict, items);
  if (step.mark) items.emplace_back(MarkTime{workload.uid, workload.rollout});
}

/// The tombstone stays until every agent has confirmed, or its node is gone for good.
void wind_up(const Snapshot& snapshot, const Workload& workload, Items& items) {
  const auto replicas = snapshot.replicas_of(workload.uid);
  for (const auto& r : replicas) {
    if (is_terminal(r->phase))
      items.emplace_back(ForgetReplica{r->id});
    else if (!r->node.empty() && !snapshot.node(r->node))
      items.emplace_back(StopReplica{r->id, StopCause::node_lost});
    else if (!r->stop_requested())
      items.emplace_back(StopReplica{r->id, StopCause::deleted});
  }
  if (replicas.empty()) items.emplace_back(ForgetWorkload{workload.uid});
}

}  // namespace

Reconciled reconcile(const Snapshot& snapshot, const Workload& workload, Millis now) {
  ReplicaFacts replicas = replicas_of(snapshot, workload.uid);
  return reconcile(snapshot, workload, replicas, now);
}

Reconciled reconcile(const Snapshot& snapshot, const Workload& workload, ReplicaFacts& replicas, Millis now) {
  Reconciled out;
  if (workload.deleted) {
    wind_up(snapshot, workload, out.items);
    return out;
  }
  WorkloadView view = view_of(snapshot, workload, std::move(replicas.facts));
  const Step next = step(view, now);
  carry_out(workload, view, replicas.records, next, out.items);
  forget_replicas(view, replicas.records, out.items);
  forget_versions(snapshot, workload, view, out.items);
  forget_rollouts(snapshot, workload, out.items);
  out.wake_at = next.wake_at;
  replicas.facts = std::move(view.facts);
  return out;
}

}  // namespace cloudless::rollout
