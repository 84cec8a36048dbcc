// What a place must be like (docs/SCHEDULING.md), said again in the judges' own words: they share no code
// with the scheduler. Pure; asked about one replica and one node in a snapshot, in which the replica may have
// that node already: it never counts against itself.
#pragma once

#include <string>

#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

/// What all replicas on the node that have not ended reserve, but for `without`.
Resources reserved_on(const Snapshot& view, const NodeId& node, const Replica* without = nullptr);

/// What of the node alone keeps it away: closed, or a rule about nodes. Empty: nothing.
std::string closed_to(const Node& node, const Template& pod);
/// What others on the node have of what it asks for: amounts, GPUs, host ports. Empty: nothing.
std::string taken_from(const Snapshot& view, const Node& node, const Replica& replica);
/// Whom of its domain it must not be with. Empty: nobody.
std::string kept_apart(const Snapshot& view, const Node& node, const Replica& replica);
/// Whom it has to be with and is not, or how many of its own there are too many. Empty: all is well.
std::string out_of_balance(const Snapshot& view, const Node& node, const Replica& replica);
/// Two that have the same GPU, or one that has a GPU the node lacks. Empty: none.
std::string shared_gpu(const Snapshot& view, const Node& node);

/// Has a NO_EXECUTE taint that is not tolerated for ever.
bool evicts(const Node& node, const Template& pod);

}  // namespace cloudless::sim
