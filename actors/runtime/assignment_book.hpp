// Which assignment sets an agent takes (ARCHITECTURE.md, rule 10): sets of its own cluster that do not go
// back. Pure.
#pragma once

#include <string>

#include "messages/domain/assignment.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// What is held before a set comes in.
struct AssignmentBook {
  NodeId node;
  std::string cluster_id;  ///< pinned; empty: the first set pins it
  AssignmentSet set;       ///< full; revision 0: none
  bool accept_cluster =
      false;  ///< the operator said --accept-cluster: the next full set is taken whatever it is
};

/// The full set that is held after `incoming`. FAILED_PRECONDITION: another cluster's; OUT_OF_RANGE: older
/// than what is held; ABORTED: changes to a set that is not held (a full one is needed); INVALID_ARGUMENT:
/// another node's.
Result<AssignmentSet> take_set(const AssignmentBook& book, const AssignmentSet& incoming);

/// Whether `next` says something of which nothing may be reported before it is on disk, where `durable` is: a
/// replica that is new, or that it should stop.
bool is_urgent(const AssignmentSet& durable, const AssignmentSet& next);

}  // namespace cloudless::runtime
