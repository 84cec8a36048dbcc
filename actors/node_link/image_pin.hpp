// Which bytes the replicas of a version run, as their nodes are told: the digest once the owner has it, else
// which one of them finds out what the tag stands for. Pure, derived from a snapshot: whoever asks at the
// same revision gets the same answer. Used by assignment_set.
#pragma once

#include <set>
#include <vector>

#include "messages/domain/assignment.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::node_link {

/// The resolver is one of the first replicas on READY nodes; after a failed attempt it is the next one's
/// turn, so that a node that cannot reach the registry, or lacks a local image, does not stop the others.
ImagePin image_pin(const Snapshot& snapshot, const Version& version);

/// Nodes with replicas of the versions whose pin is another one after these commits.
std::set<NodeId> nodes_with_moved_pins(const Snapshot& before, const Snapshot& after,
                                       const std::vector<Commit>& commits);

}  // namespace cloudless::node_link
