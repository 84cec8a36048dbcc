#include "actors/rollout/rollout_actor.hpp"

#include <utility>

#include "actors/decider/decider_shell.hpp"
#include "actors/rollout/rollout.hpp"

namespace cloudless {

rollout_actor spawn_rollout(caf::actor_system& system, source_actor source, workload_state_actor owner) {
  return decider::spawn_decider(system, "rollout", std::make_unique<rollout::Rollout>(), std::move(source),
                                std::move(owner));
}

}  // namespace cloudless
