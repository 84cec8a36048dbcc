// Looks at what this node's containers use every few seconds, and answers what it saw last. Spawned by
// runtime_supervisor, which passes sessions with a UsageQuery on to it; the agent's API asks it directly.
// Ends with an exit message.
#pragma once

#include <memory>

#include "actors/runtime/runtime_port.hpp"
#include "messages/domain/time.hpp"
#include "messages/node_link.hpp"

namespace cloudless::runtime {

using UsageSamplePtr = std::shared_ptr<const Result<std::vector<ContainerUsage>>>;

/// From the supervisor: answer this session at its sink and end it.
struct UsageSession {
  SessionId session;
  session_sink_actor sink;
};
using UsageSessionPtr = std::shared_ptr<const UsageSession>;

}  // namespace cloudless::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::UsageSamplePtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::UsageSessionPtr)

namespace cloudless::runtime {

using usage_actor = ActorOf<caf::result<void>(UsageSessionPtr),
                            // INTERNAL: time for a look, and what it saw.
                            caf::result<void>(sweep_atom), caf::result<void>(UsageSamplePtr)>;

/// `runtime` and `clock` outlive the actor; a look every `interval` milliseconds.
usage_actor spawn_usage(caf::actor_system& system, RuntimePort& runtime, const Clock& clock, NodeId node,
                        Millis interval);

}  // namespace cloudless::runtime
