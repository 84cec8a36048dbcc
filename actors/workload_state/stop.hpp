// What telling a replica to stop makes of it. Whether it may be told is the budget's question.
#pragma once

#include <string>

#include "messages/domain/node.hpp"
#include "messages/domain/replica.hpp"

namespace cloudless::workload_state {

/// The replica after the stop. A PENDING one is STOPPED at once; one whose node is gone, or OFFLINE with
/// cause node_lost, is LOST at once; any other keeps its phase until its agent reports the end. Must not have
/// ended, nor been told before unless the cause is node_lost or its node is gone. `node` is the replica's,
/// nullptr if there is none.
Replica stopped(const Replica& replica, StopCause cause, const Node* node);

}  // namespace cloudless::workload_state
