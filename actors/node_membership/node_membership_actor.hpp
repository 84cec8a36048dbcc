// The owner of nodes. node_link hands it hellos and leases, gateways hand it operators' commands; it talks to
// the store. It alone says who is alive.
#pragma once

#include "messages/domain/time.hpp"
#include "messages/node_membership.hpp"

namespace cloudless {

struct MembershipPolicy {
  Millis lease_interval =
      500;  ///< how often agents send a lease and how often the detector looks; 50 at least
  Millis lease_duration = 10000;  ///< SUSPECT after half of it, OFFLINE at its end; at least 4 intervals
};

/// UNAVAILABLE to everybody until the store has answered. `clock` outlives the system. Ends when the store
/// keeps silent.
node_membership_actor spawn_node_membership(caf::actor_system& system, store_actor store, const Clock& clock,
                                            MembershipPolicy policy);

}  // namespace cloudless
