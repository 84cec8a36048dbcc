// The rollout as a decider: remembers which workloads something happened to and which ones wait for a moment,
// and proposes what reconcile() says about them, in turns, so that one workload whose proposals are refused
// never keeps the others waiting. Pure.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "actors/decider/decider.hpp"
#include "actors/rollout/replica_book.hpp"

namespace cloudless::rollout {

class Rollout final : public decider::Decider {
 public:
  void load(SnapshotPtr view) override;
  void apply(const std::vector<Commit>& commits, SnapshotPtr after) override;
  void look_at_everything() override;
  std::vector<ProposalItem> propose(std::size_t limit, Millis now) override;
  std::optional<Millis> wake_at() const override;

 private:
  void wait(const WorkloadUid& uid, std::optional<Millis> until);

  void touch(const ReplicaSlot& replica);

  SnapshotPtr view_;
  ReplicaBook replicas_;  // at view_
  std::set<WorkloadUid> touched_;
  WorkloadUid turn_;  // the last workload that had a turn
  std::map<WorkloadUid, Millis> waiting_;
  std::set<std::pair<Millis, WorkloadUid>> alarms_;  // waiting_ in order of time
};

}  // namespace cloudless::rollout
