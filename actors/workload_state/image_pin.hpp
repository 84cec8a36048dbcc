// The digest of a version's image: taken from the first of its replicas that says what the tag stands for,
// and never changed. Used by report.
#pragma once

#include "actors/owner/plan.hpp"
#include "messages/domain/observation.hpp"

namespace cloudless::workload_state {

/// Writes the report's digest to the version of `replica`, unless that has one. Holds for late and repeated
/// reports, too: what a node found for this version stays a possible answer.
void pin_image(owner::Plan& plan, const Replica& replica, const ReplicaReport& report);

}  // namespace cloudless::workload_state
