// The edge system of a coordinator: what agents can reach. It holds the door that greets them, one link_peer
// per connection, and the bridge to the control system; nothing in it spawns for others, and nothing but
// EdgeFrame values passes the bridge (rule 13).
#pragma once

#include <functional>

#include "messages/node_link.hpp"

namespace cloudless::node_link {

struct Edge {
  edge_bridge_actor bridge;  ///< for spawn_link_hub
  door_actor door;           ///< for any number of agents that trust each other: simulated ones
  /// A door for one connection, from any thread: what the node link's port publishes to each. Whoever holds
  /// the secret can end what it was given, so nobody is given what others need. It ends with its connection,
  /// or after 30 s without a Hello.
  std::function<door_actor()> new_door;
};

/// Lives until bridge and door are told to exit; connections end with the bridge. Frames of nodes are dropped
/// until a hub attaches itself to the bridge.
Edge spawn_edge(caf::actor_system& system);

/// Longest frame of the link that is looked at, in bytes; ours are below 256 KiB.
inline constexpr std::size_t kMaxFrameBytes = 512 << 10;

}  // namespace cloudless::node_link
