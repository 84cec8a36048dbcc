// Waits until the owners have loaded what they own, so that a coordinator that says it is up answers writes.
#pragma once

#include "messages/node_membership.hpp"
#include "messages/secrets.hpp"
#include "messages/workload_state.hpp"

namespace cloudless::coordinator {

/// Blocks; not for actors. UNAVAILABLE if they are not ready in time.
Result<void> await_owners(caf::actor_system& system, const workload_state_actor& workloads,
                          const node_membership_actor& nodes, const secrets_actor& secrets, Millis patience);

}  // namespace cloudless::coordinator
