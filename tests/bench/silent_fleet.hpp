// Nodes that are there and never say what runs on them: each registers over the bridge of the node link,
// keeps its lease, and takes its assignment sets. What the network costs is left out; all that the
// coordinator does for a node is not.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "messages/domain/link.hpp"
#include "messages/node_link.hpp"

namespace cloudless::bench {

struct FleetFigures {
  std::atomic<std::size_t> welcomed{0};
  std::atomic<std::uint64_t> leases{0};
  std::atomic<std::uint64_t> set_bytes{0};
};

struct FleetOptions {
  std::size_t nodes = 0;
  std::function<NodeDescription(std::size_t)> describe;  ///< of the node with this number, from 0
  Millis lease_interval = 500;
};

/// Stands where the edge's bridge does (actors/node_link/edge_actor.hpp). `figures` outlives the system.
edge_bridge_actor spawn_silent_fleet(caf::actor_system& system, FleetOptions options, FleetFigures& figures);

}  // namespace cloudless::bench
