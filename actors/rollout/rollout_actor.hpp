// Makes each workload's replicas what its spec says: the Rollout behind the shell that all deciders share.
// Follows `source`, proposes to `owner`.
#pragma once

#include "messages/deciders.hpp"

namespace cloudless {

rollout_actor spawn_rollout(caf::actor_system& system, source_actor source, workload_state_actor owner);

}  // namespace cloudless
