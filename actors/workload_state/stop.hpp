// What telling a replica to stop makes of it. Whether it may be told is the budget's question.
#pragma once

#include <functional>
#include <string>

#include "messages/domain/node.hpp"
#include "messages/domain/replica.hpp"

namespace cloudless::workload_state {

/// Somebody who sends requests to the workload's replicas has to know of it before one of them stops
/// (ARCHITECTURE.md, rule 9).
using IsFollowed = std::function<bool(const Workload&)>;

/// The replica after the stop. A PENDING one is STOPPED at once; one whose node is gone, or OFFLINE with
/// cause node_lost, is LOST at once; any other keeps its phase until its agent reports the end. Must not have
/// ended, nor been told before unless the cause is node_lost or its node is gone. `node` is the replica's,
/// nullptr if there is none.
Replica stopped(const Replica& replica, StopCause cause, const Node* node);

/// The first thing that is told it: the stop, or, where requests may be on their way to it and `followed`
/// says that somebody sends them, that it serves no longer. The stop comes later then.
Replica told_to_stop(const Replica& replica, StopCause cause, const Node* node, bool followed, Millis moment);

}  // namespace cloudless::workload_state
