// The owner of workloads, versions, replicas and rollouts. Gateways, scheduler, rollout and node_link talk to
// it; it talks to the store. It answers when what it answers is durable.
#pragma once

#include "messages/domain/time.hpp"
#include "messages/workload_state.hpp"

namespace cloudless {

/// UNAVAILABLE to everybody until the store has answered. `clock` outlives the system. Ends when the store
/// keeps silent. `usual`: written into what workloads leave out of their scoring; what it leaves out itself
/// is as in messages/domain/placement.hpp.
workload_state_actor spawn_workload_state(caf::actor_system& system, store_actor store, const Clock& clock,
                                          const Scoring& usual = {});

}  // namespace cloudless
