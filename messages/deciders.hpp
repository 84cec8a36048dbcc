// Deciders follow commits, compute with pure functions and send proposals to workload_state. They keep
// nothing that they cannot rebuild from the mirror, so they may run anywhere.
#pragma once

#include "messages/store.hpp"
#include "messages/workload_state.hpp"

namespace cloudless {

/// Places pending replicas. Follows a source; sweep_atom (to itself, every 5 s) computes everything again.
using scheduler_actor = ActorOf<caf::result<void>(CommitsPublished), caf::result<void>(sweep_atom)>;

/// Makes the replicas of each workload what its spec says. The same two messages.
using rollout_actor = ActorOf<caf::result<void>(CommitsPublished), caf::result<void>(sweep_atom)>;

}  // namespace cloudless
