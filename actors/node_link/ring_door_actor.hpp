// Hands the ring's handles to processes of ours that came through the ring port. For coordinators.
#pragma once

#include "messages/ring.hpp"

namespace cloudless::node_link {

struct Ring {
  store_actor store;
  workload_state_actor workload_state;
  node_membership_actor node_membership;
  link_hub_actor link_hub;
  events_actor events;
  secrets_actor secrets{};
};

/// Publish it with transport/listener.hpp; the ring port's purpose is kRingPurpose.
ring_door_actor spawn_ring_door(caf::actor_system& system, Ring ring);

}  // namespace cloudless::node_link
