// The owner of workloads, versions, replicas and rollouts. Gateways, scheduler, rollout and node_link talk to
// it; it talks to the store. It answers when what it answers is durable.
#pragma once

#include <functional>

#include "messages/domain/snapshot.hpp"
#include "messages/domain/time.hpp"
#include "messages/workload_state.hpp"

namespace cloudless {

/// Is shown what the owner judges by, whenever that may have changed: for judges of the owner itself.
using HeadWatcher = std::function<void(const Snapshot& head)>;

/// UNAVAILABLE to everybody until the store has answered. `clock` outlives the system. Ends when the store
/// keeps silent. `usual`: written into what workloads leave out of their scoring; what it leaves out itself
/// is as in messages/domain/placement.hpp.
workload_state_actor spawn_workload_state(caf::actor_system& system, store_actor store, const Clock& clock,
                                          const Scoring& usual = {}, HeadWatcher watcher = {});

}  // namespace cloudless
