// The control system's end of the node link. It follows commits and sends each connected node its assignment
// set, hands Hellos and leases to node_membership and reports to workload_state, and carries sessions between
// gateways and nodes. It keeps nothing that a reconnect does not rebuild.
#pragma once

#include "actors/node_link/pull_access.hpp"
#include "messages/domain/time.hpp"
#include "messages/events.hpp"
#include "messages/node_link.hpp"
#include "messages/node_membership.hpp"
#include "messages/workload_state.hpp"

namespace cloudless::node_link {

/// `bridge` may live in another system; the hub attaches itself to it. `clock` outlives the system. `open`:
/// for the pull secrets that replicas name. `events`, if there are any, hear of every command, connection and
/// copy when it ended.
link_hub_actor spawn_link_hub(caf::actor_system& system, source_actor source,
                              workload_state_actor workload_state, node_membership_actor node_membership,
                              edge_bridge_actor bridge, const Clock& clock, OpenSecret open = {},
                              events_actor events = {});

}  // namespace cloudless::node_link
