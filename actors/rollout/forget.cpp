#include "actors/rollout/forget.hpp"

#include <algorithm>
#include <set>

#include "actors/rollout/census.hpp"
#include "actors/rollout/reconcile.hpp"

namespace cloudless::rollout {

void forget_replicas(const WorkloadView& view, const std::vector<const Replica*>& records,
                     std::vector<ProposalItem>& items) {
  std::vector<std::size_t> ended;  // those that fill no place
  std::uint32_t places = 0;
  for (std::size_t i = 0; i < view.facts.size(); ++i)
    if (is_terminal(view.facts[i].phase) && !(fills_place(view, view.facts[i]) && places++ < view.replicas))
      ended.push_back(i);
  for (std::size_t i = 0; i + kKeptHistory < ended.size(); ++i)
    items.emplace_back(ForgetReplica{records[ended[i]]->id});
}

void forget_versions(const Snapshot& snapshot, const Workload& workload, const WorkloadView& view,
                     std::vector<ProposalItem>& items) {
  const auto versions = snapshot.versions_of(workload.uid);
  if (versions.size() <= 1) return;
  std::set<std::uint64_t> used{workload.version, view.last_proven};
  if (view.rollout) used.insert(view.rollout->from_version);
  for (const auto& r : view.facts)
    if (r.version != workload.version) used.insert(r.version);
  std::uint32_t kept = 0;
  for (auto version = versions.rbegin(); version != versions.rend(); ++version)
    if (!used.contains((*version)->number) && kept++ >= view.policy.history_limit)
      items.emplace_back(ForgetVersion{workload.uid, (*version)->number});
}

void forget_rollouts(const Snapshot& snapshot, const Workload& workload, std::vector<ProposalItem>& items) {
  const auto rollouts = snapshot.rollouts_of(workload.uid);
  const std::size_t kept = std::size_t{workload.spec.rollout.history_limit} + 1;
  for (std::size_t i = 0; i + kept < rollouts.size(); ++i)
    if (rollouts[i]->number != workload.rollout && !rollouts[i]->is_active())
      items.emplace_back(ForgetRollout{workload.uid, rollouts[i]->number});
}

}  // namespace cloudless::rollout
