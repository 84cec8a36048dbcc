#include "actors/rollout/rollout.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "actors/rollout/reconcile.hpp"

namespace cloudless::rollout {

void Rollout::load(SnapshotPtr view) {
  view_ = std::move(view);
  replicas_.clear();
  waiting_.clear();
  alarms_.clear();
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
      if (change.key.kind == RecordKind::rollout || change.key.kind == RecordKind::version)
        touched_.insert(WorkloadUid{change.key.id.substr(0, change.key.id.find('/'))});
      if (change.key.kind == RecordKind::replica)
        if (const auto slot = slot_of(ReplicaId{change.key.id})) touch(*slot);
      if (change.key.kind == RecordKind::node)
        for (const auto& r : view_->replicas_on(NodeId{change.key.id})) touch({r->workload, r->ordinal});
    }
  }
}

void Rollout::touch(const ReplicaSlot& replica) {
  touched_.insert(replica.workload);
  replicas_.refresh(*view_, replica);
}

std::vector<ProposalItem> Rollout::propose(std::size_t limit, Millis now) {
  for (auto due = alarms_.begin(); due != alarms_.end() && due->first <= now; due = alarms_.begin()) {
    touched_.insert(due->second);
    wait(WorkloadUid{due->second}, std::nullopt);
  }
  std::vector<ProposalItem> items;
  for (std::size_t turns = touched_.size(); turns > 0 && items.size() < limit; --turns) {
    auto next = touched_.upper_bound(turn_);
    if (next == touched_.end()) next = touched_.begin();
    turn_ = *next;
    const auto workload = view_->workload(turn_);
    if (!workload) replicas_.forget(turn_);
    auto wanted = workload ? reconcile(*view_, *workload, replicas_.of(*view_, turn_), now) : Reconciled{};
    wait(turn_, wanted.wake_at);
    // It stays touched until nothing is left to do.
    if (wanted.items.empty()) touched_.erase(next);
    const auto taken = std::min(wanted.items.size(), limit - items.size());
    std::move(wanted.items.begin(), wanted.items.begin() + static_cast<std::ptrdiff_t>(taken),
              std::back_inserter(items));
  }
  return items;
}

std::optional<Millis> Rollout::wake_at() const {
  return alarms_.empty() ? std::nullopt : std::optional(alarms_.begin()->first);
}

void Rollout::wait(const WorkloadUid& uid, std::optional<Millis> until) {
  if (const auto known = waiting_.find(uid); known != waiting_.end()) {
    alarms_.erase({known->second, uid});
    waiting_.erase(known);
  }
  if (!until) return;
  waiting_.emplace(uid, *until);
  alarms_.emplace(*until, uid);
}

}  // namespace cloudless::rollout
