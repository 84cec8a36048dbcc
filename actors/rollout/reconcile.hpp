// What has to change so that a workload's replicas become what its spec says: a pure function of the view.
// Called by the rollout's decider for every workload that something happened to. Always ends: at a view where
// nothing more is to be done it proposes nothing, and every accepted proposal brings the workload nearer to
// that.
#pragma once

#include <vector>

#include "messages/domain/proposal.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::rollout {

/// Ended replicas that are kept for people to look at.
inline constexpr std::size_t kKeptHistory = 5;
/// Replicas added by one item: their records and the workload's fit in one commit.
inline constexpr std::uint32_t kMaxAdded = 99;

/// The next items for this workload, in the order in which they should be judged. Voluntary stops stay above
/// the effective min_available of this view; replicas added stay below replicas + max_surge.
std::vector<ProposalItem> reconcile(const Snapshot& view, const Workload& workload);

}  // namespace cloudless::rollout
