#include "actors/scheduler/scheduler_actor.hpp"

#include <utility>

#include "actors/decider/decider_shell.hpp"
#include "actors/scheduler/scheduler.hpp"

namespace cloudless {
namespace {

/// What is judged and stored in some 10 ms.
constexpr std::size_t kMaxAssignments = 1000;

}  // namespace

scheduler_actor spawn_scheduler(caf::actor_system& system, source_actor source, workload_state_actor owner) {
  return spawn_scheduler(system, std::move(source), std::move(owner),
                         std::make_unique<scheduler::Scheduler>());
}

scheduler_actor spawn_scheduler(caf::actor_system& system, source_actor source, workload_state_actor owner,
                                std::unique_ptr<decider::Decider> core) {
  return decider::spawn_decider(system, "scheduler", std::move(core), std::move(source), std::move(owner),
                                kMaxAssignments);
}

}  // namespace cloudless
