// Places pending replicas on nodes: the Scheduler behind the shell that all deciders share. Follows `source`,
// proposes to `owner`.
#pragma once

#include <memory>

#include "actors/decider/decider.hpp"
#include "messages/deciders.hpp"

namespace cloudless {

scheduler_actor spawn_scheduler(caf::actor_system& system, source_actor source, workload_state_actor owner);
/// With a core that looks on while a Scheduler works: for judges.
scheduler_actor spawn_scheduler(caf::actor_system& system, source_actor source, workload_state_actor owner,
                                std::unique_ptr<decider::Decider> core);

}  // namespace cloudless
