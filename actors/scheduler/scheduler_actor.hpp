// Places pending replicas on nodes: the Scheduler behind the shell that all deciders share. Follows `source`,
// proposes to `owner`.
#pragma once

#include "messages/deciders.hpp"

namespace cloudless {

scheduler_actor spawn_scheduler(caf::actor_system& system, source_actor source, workload_state_actor owner);

}  // namespace cloudless
