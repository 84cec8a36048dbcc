// What operators ask of nodes: labels, taints, cordon.
#pragma once

#include "messages/domain/command.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::node_membership {

/// The node after the command; the same as before if everything is already so. `moment`: store time.
/// INVALID_ARGUMENT; NOT_FOUND; ABORTED: expected_revision is not the current one.
Result<Node> apply(const Snapshot& head, const NodeCommand& command, Revision stamp, Millis moment);

}  // namespace cloudless::node_membership
