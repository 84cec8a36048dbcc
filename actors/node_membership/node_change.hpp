// How a node's record changes: revisions move exactly when they must, and what an operator set lies over what
// the agent says of its machine.
#pragma once

#include "messages/domain/node.hpp"

namespace cloudless::node_membership {

/// labels and taints from the description and the operator's changes; an operator's taint replaces all taints
/// of its key. A NO_EXECUTE taint that is new is there since `moment` (store time).
void merge_operators_changes(Node& node, Millis moment);

/// What the scheduler looks at differs: allocatable, labels, taints, region, zone, cost, cordon or state.
bool schedulable_differs(const Node& before, const Node& after);

/// The record after a change: revision moves to the stamp, schedulable_revision too if schedulable_differs().
/// `before`: nullptr for a new node.
Node stamped(const Node* before, Node after, Revision stamp);

}  // namespace cloudless::node_membership
