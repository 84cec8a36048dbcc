// The failure detector: compares what the leases say with what the records say.
#pragma once

#include <vector>

#include "actors/node_membership/leases.hpp"
#include "actors/owner/plan.hpp"

namespace cloudless::node_membership {

/// A full lease for every node that is not OFFLINE; for a coordinator that starts.
void presume_all(Leases& leases, const Snapshot& head, Millis now);

/// Plans, and returns, every change of state that the leases demand: READY to SUSPECT to OFFLINE, and back to
/// READY for whoever was heard again. A node that goes OFFLINE counts one more recent loss, after half of the
/// earlier ones were forgotten for each full day since the last.
std::vector<Node> detect(owner::Plan& plan, const Leases& leases, Millis now, Revision stamp,
                         WallMillis wall);

}  // namespace cloudless::node_membership
