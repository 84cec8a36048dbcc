// Deciders in this process for a ring elsewhere: each with a mirror of the ring's store beside it, all tied
// together, so that nothing of them outlives the connection or a part. They keep nothing that a new one
// cannot rebuild.
#pragma once

#include <caf/all.hpp>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "messages/deciders.hpp"

namespace cloudless::host {

/// What can be placed here: "rollout", "scheduler".
const std::set<std::string>& decider_kinds();

/// Everything that was placed in a system and has not ended. Outlives the system's configuration, which holds
/// it.
class Placed {
 public:
  struct Group {
    caf::strong_actor_ptr
        tie;  ///< ends when a decider, the store or the owner ends; its end ends the deciders
    std::map<std::string, scheduler_actor> deciders;  ///< scheduler_actor and rollout_actor are one type
  };
  /// Starts these kinds with one mirror of `store`. Both actors are elsewhere.
  Group place(caf::actor_system& system, const std::set<std::string>& kinds, const store_actor& store,
              const workload_state_actor& owner);

  std::size_t count() const;
  /// Ends everything; nothing is placed from then on.
  void close();

 private:
  void forget(const caf::actor_addr& tie);

  mutable std::mutex mutex_;
  bool closed_ = false;
  std::map<caf::actor_addr, caf::strong_actor_ptr> ties_;
};

/// Lets peers place every kind with remote_spawn (messages/host.hpp).
void offer_deciders(caf::actor_system_config& config, std::shared_ptr<Placed> placed);

}  // namespace cloudless::host
