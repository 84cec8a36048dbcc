// What a cloudless-host offers behind its port: a bare CAF process on which others of ours place actors with
// remote_spawn. Whoever holds the secret is trusted with that.
#pragma once

#include <set>
#include <string>

#include "messages/node_link.hpp"

namespace cloudless {

/// What the host's port publishes. (hello_atom, what the caller is, for the log) answers with the names that
/// can be placed here by remote_spawn on the door's node. "scheduler" and "rollout" are placed with the
/// arguments store_actor and workload_state_actor, are a scheduler_actor and a rollout_actor, and end when
/// either argument does.
using host_door_actor = ActorOf<caf::result<std::set<std::string>>(hello_atom, std::string)>;

}  // namespace cloudless
