// The shell of a decider: follows a source of commits into a mirror, asks the core what to do and carries its
// proposals to workload_state, one at a time. Computes again with every commit, when the mirror reaches an
// answer's revision, after a lost answer, and in a sweep every 5 s. It keeps nothing that it cannot rebuild.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "actors/decider/decider.hpp"
#include "messages/deciders.hpp"

namespace cloudless::decider {

/// Both scheduler_actor and rollout_actor.
using decider_actor =
    ActorOf<caf::result<void>(CommitsPublished), caf::result<void>(sweep_atom), caf::result<void>(wake_atom)>;

/// `name` is Proposal::from and stands in the log. `most`: items of one proposal. A proposal is judged as a
/// whole before anything else is, and the next one waits until it is durable: more of cheap items at a time
/// make up for that wait.
decider_actor spawn_decider(caf::actor_system& system, std::string name, std::unique_ptr<Decider> core,
                            source_actor source, workload_state_actor owner, std::size_t most = 100);

}  // namespace cloudless::decider
