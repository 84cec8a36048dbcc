#include "actors/node_link/ring_door_actor.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace cloudless::node_link {
namespace {

ring_door_actor::behavior_type ring_door(ring_door_actor::pointer, Ring ring) {
  using Handles = caf::result<store_actor, workload_state_actor, node_membership_actor, link_hub_actor,
                              events_actor, secrets_actor>;
  return {[ring = std::move(ring)](hello_atom, const std::string& who) -> Handles {
    spdlog::info("ring: {} joined", who);
    return {ring.store, ring.workload_state, ring.node_membership, ring.link_hub, ring.events, ring.secrets};
  }};
}

}  // namespace

ring_door_actor spawn_ring_door(caf::actor_system& system, Ring ring) {
  return system.spawn(ring_door, std::move(ring));
}

}  // namespace cloudless::node_link
