// Who may join, and as what: judges an agent's Hello.
#pragma once

#include <cstdint>
#include <string>

#include "messages/domain/error.hpp"
#include "messages/domain/link.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::node_membership {

/// A node's name: DNS subdomain (RFC 1123) of 1-63 characters.
bool is_node_name(const std::string& name);

struct Registration {
  Node node;             ///< as it is to be from now on
  bool changed = false;  ///< false: the same agent process said hello again, and nothing is to be stored
};

struct Now {
  WallMillis wall = 0;
  Millis moment = 0;  ///< store time
};

/// A new boot_id is a new incarnation; the same one keeps it. The node is READY afterwards, because it was
/// just heard. INVALID_ARGUMENT: the description makes no sense; FAILED_PRECONDITION: the agent belongs to
/// another cluster; ALREADY_EXISTS: the name belongs to another machine whose lease is not over.
Result<Registration> judge_hello(const Snapshot& head, const Hello& hello, Revision stamp, Now now);

}  // namespace cloudless::node_membership
