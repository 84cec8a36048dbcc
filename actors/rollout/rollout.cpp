#include "actors/rollout/rollout.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "actors/rollout/reconcile.hpp"

namespace cloudless::rollout {

void Rollout::load(SnapshotPtr view) {
  view_ = std::move(view);
  look_at_everything();
}

void Rollout::look_at_everything() {
  view_->workloads().for_each(
      [this](const WorkloadUid& uid, const std::shared_ptr<const Workload>&) { touched_.insert(uid); });
}

void Rollout::apply(const std::vector<Commit>& commits, SnapshotPtr after) {
  view_ = std::move(after);
  for (const auto& commit : commits) {
    for (const auto& change : commit.changes) {
      if (change.key.kind == RecordKind::workload) touched_.insert(WorkloadUid{change.key.id});
      if (change.key.kind == RecordKind::replica)
        if (const auto slot = slot_of(ReplicaId{change.key.id})) touched_.insert(slot->workload);
      if (change.key.kind == RecordKind::node)
        for (const auto& r : view_->replicas_on(NodeId{change.key.id})) touched_.insert(r->workload);
    }
  }
}

std::vector<ProposalItem> Rollout::propose(std::size_t limit, Millis) {
  std::vector<ProposalItem> items;
  for (std::size_t turns = touched_.size(); turns > 0 && items.size() < limit; --turns) {
    auto next = touched_.upper_bound(turn_);
    if (next == touched_.end()) next = touched_.begin();
    turn_ = *next;
    const auto workload = view_->workload(turn_);
    auto wanted = workload ? reconcile(*view_, *workload) : std::vector<ProposalItem>{};
    // It stays touched until nothing is left to do.
    if (wanted.empty()) touched_.erase(next);
    const auto taken = std::min(wanted.size(), limit - items.size());
    std::move(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(taken), std::back_inserter(items));
  }
  return items;
}

}  // namespace cloudless::rollout
