// What has to change so that a workload's replicas become what its spec says, as proposals: step() carried
// from the snapshot and back to it, and what is not needed any longer is forgotten. Called by the rollout's
// decider for every workload that something happened to. Always ends: at a view where nothing more is to be
// done it proposes nothing, and every accepted proposal brings the workload nearer to that.
#pragma once

#include <optional>
#include <vector>

#include "actors/rollout/workload_view.hpp"
#include "messages/domain/proposal.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::rollout {

/// Ended replicas that are kept for people to look at.
inline constexpr std::size_t kKeptHistory = 5;
/// Replicas added by one item: their records and the workload's fit in one commit.
inline constexpr std::uint32_t kMaxAdded = 99;

struct Reconciled {
  std::vector<ProposalItem> items;  ///< in the order in which they should be judged
  std::optional<Millis> wake_at;    ///< store time, later than now, at which to ask again
};

/// The next items for this workload at this view; `now` is store time.
Reconciled reconcile(const Snapshot& snapshot, const Workload& workload, Millis now);
/// The same, where the workload's replicas are known already.
Reconciled reconcile(const Snapshot& snapshot, const Workload& workload, ReplicaFacts& replicas, Millis now);

}  // namespace cloudless::rollout
