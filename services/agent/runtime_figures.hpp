// What /ready and /metrics say of the containers on this machine: asked of the runtime when somebody wants to
// know.
#pragma once

#include <prometheus/collectable.h>

#include <memory>

#include "actors/runtime/runtime_port.hpp"

namespace cloudless::agent {

/// The containers of this node. UNAVAILABLE if the runtime does not answer within a second. For threads that
/// may wait.
Result<std::vector<runtime::ObservedContainer>> ask_containers(runtime::RuntimePort& runtime);

/// cloudless_agent_runtime_up, and cloudless_agent_containers by state. `runtime` outlives it.
std::shared_ptr<prometheus::Collectable> runtime_figures(runtime::RuntimePort& runtime);

}  // namespace cloudless::agent
