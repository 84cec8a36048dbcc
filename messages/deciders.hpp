// Deciders follow commits, compute with pure functions and send proposals to workload_state. They keep
// nothing that they cannot rebuild from the mirror, so they may run anywhere.
#pragma once

#include "messages/store.hpp"
#include "messages/workload_state.hpp"

namespace cloudless {

/// Places pending replicas. Follows a source; to itself: sweep_atom (every 5 s) computes everything again,
/// wake_atom only what is due now.
using scheduler_actor =
    ActorOf<caf::result<void>(CommitsPublished), caf::result<void>(sweep_atom), caf::result<void>(wake_atom)>;

/// Makes the replicas of each workload what its spec says. The same messages.
using rollout_actor =
    ActorOf<caf::result<void>(CommitsPublished), caf::result<void>(sweep_atom), caf::result<void>(wake_atom)>;

}  // namespace cloudless
