// What keeps a node that is READY from doing what it is told, as its agent says of it by taints of its own.
// Set by actors/node_link (agent_link), told to people by status, events and the API.
#pragma once

#include <string>

#include "messages/domain/node.hpp"

namespace cloudless {

/// On a node whose agent cannot write its state, so that it says nothing new of replicas: NO_SCHEDULE.
inline constexpr char kDiskNotWritableTaint[] = "cloudless.io/disk-not-writable";

/// In words, for a reason; empty: nothing that its agent knows of.
std::string trouble_of(const Node& node);

}  // namespace cloudless
