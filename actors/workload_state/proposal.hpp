// The law on what deciders propose: each item is judged on the owner's head after the items before it, and
// accepted or refused with the reason (ARCHITECTURE.md, rules 1-3).
#pragma once

#include <vector>

#include "actors/owner/plan.hpp"
#include "actors/workload_state/stamp.hpp"
#include "actors/workload_state/stop.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/proposal.hpp"

namespace cloudless::workload_state {

/// One answer per item, in order; code none: accepted. A repeated proposal changes nothing
/// but marks of time.
std::vector<Error> apply(owner::Plan& plan, const Proposal& proposal, const Stamp& stamp,
                         const IsFollowed& is_followed);

}  // namespace cloudless::workload_state
