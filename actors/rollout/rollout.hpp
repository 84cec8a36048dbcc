// The rollout as a decider: remembers which workloads something happened to, and proposes what reconcile()
// says about them, in turns, so that one workload whose proposals are refused never keeps the others waiting.
// Pure.
#pragma once

#include <set>

#include "actors/decider/decider.hpp"

namespace cloudless::rollout {

class Rollout final : public decider::Decider {
 public:
  void load(SnapshotPtr view) override;
  void apply(const std::vector<Commit>& commits, SnapshotPtr after) override;
  void look_at_everything() override;
  std::vector<ProposalItem> propose(std::size_t limit, Millis now) override;

 private:
  SnapshotPtr view_;
  std::set<WorkloadUid> touched_;
  WorkloadUid turn_;  // the last workload that had a turn
};

}  // namespace cloudless::rollout
