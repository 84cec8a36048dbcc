// How an actor system of ours uses CAF's network: identifiers, heartbeats, message types. For every process
// that links others.
#pragma once

#include "messages/caf_shim.hpp"

namespace cloudless::node_link {

/// The major version of everything that crosses CAF's network. Peers need one in common (rule 12).
inline constexpr const char* kLinkVersion = "cloudless-link-1";

/// Registers our messages and loads CAF's network with a heartbeat of 2 s, given up after 10 s. Opens no
/// port.
void configure_network(caf::actor_system_config& config);

}  // namespace cloudless::node_link
