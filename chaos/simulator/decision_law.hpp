// What a decision of the scheduler must be like, judged against exactly what it had seen: every rule holds
// for each place in turn, after the places before it in the same batch. Nothing is excused here as in the
// judge of commits, who does not know how late a decision was. Pure.
#pragma once

#include <vector>

#include "chaos/simulator/breach.hpp"
#include "messages/domain/proposal.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

/// `now`: store time of the decision.
Breaches check_decision(const Snapshot& seen, const std::vector<ProposalItem>& items, Millis now);

}  // namespace cloudless::sim
