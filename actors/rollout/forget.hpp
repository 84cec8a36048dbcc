// Which records of a workload are not needed any longer: ended replicas, unused versions, rollouts that are
// over. Pure; part of reconcile().
#pragma once

#include <vector>

#include "actors/rollout/workload_view.hpp"
#include "messages/domain/proposal.hpp"

namespace cloudless::rollout {

/// Keeps what fills a place and the newest kKeptHistory of the rest.
void forget_replicas(const WorkloadView& view, const std::vector<const Replica*>& records,
                     std::vector<ProposalItem>& items);
/// Keeps what is current, what a replica or the newest rollout has, the last proven ones, and the newest
/// history_limit of the rest.
void forget_versions(const Snapshot& snapshot, const Workload& workload, const WorkloadView& view,
                     std::vector<ProposalItem>& items);
/// Keeps the newest history_limit + 1.
void forget_rollouts(const Snapshot& snapshot, const Workload& workload, std::vector<ProposalItem>& items);

}  // namespace cloudless::rollout
