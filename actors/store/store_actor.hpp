// The store: gives every commit a revision, makes it durable with others in one batch, publishes it to the
// followers in order, and only then answers its owner. Owners, deciders and gateways talk to it
// (messages/store.hpp).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/store/engine.hpp"
#include "actors/store/engine_runner.hpp"
#include "actors/store/history.hpp"
#include "messages/domain/time.hpp"
#include "messages/store.hpp"

namespace cloudless {

struct StoreOptions {
  /// Identity of the cluster if the store is empty: random, 32 hexadecimal digits.
  std::string new_cluster_id;
  /// Called once, from the store, when the engine can no longer be trusted: production ends the process
  /// (which restarts from the store), the simulator crashes the coordinator. Everything in flight has been
  /// answered UNAVAILABLE.
  std::function<void(const Error&)> on_fatal;
  store::HistoryBounds history;
  /// Most commits in one transaction.
  std::size_t batch_limit = 512;
  /// Absent: the engine runs on a thread of its own. Else it runs inside the actor, each job with the next of
  /// these delays.
  std::function<store::EngineDelay()> simulated_delay;
};

/// Loads what is stored (blocking), makes the cluster's identity in an empty store, and starts the actor.
/// Errors are those of the engine, and DATA_LOSS. `clock` outlives the system.
Result<store_actor> spawn_store(caf::actor_system& system, std::unique_ptr<store::Engine> engine,
                                const Clock& clock, StoreOptions options);

}  // namespace cloudless
