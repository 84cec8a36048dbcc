// What agents say of their replicas, judged on the owner's head. Reports may be lost, late or repeated: only
// what is newer by (incarnation, sequence) is taken, and a replica's clock only moves forward.
#pragma once

#include "actors/owner/plan.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/observation.hpp"

namespace cloudless::workload_state {

/// Plans what is new and says which items are done: taken, or refused for good (stale, unknown, another
/// node's, ended). The shell fills in the ack's revision. UNAVAILABLE: the node, or this incarnation of it,
/// is not known here yet; the agent repeats.
/// `moment`: store time.
Result<ReportAck> apply(owner::Plan& plan, const NodeReport& report, Millis moment);

}  // namespace cloudless::workload_state
