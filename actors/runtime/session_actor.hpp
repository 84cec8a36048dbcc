// One session on the agent, logs or a stream: opened by the supervisor, delivers to the session's sink under
// the credit that the client's gateway grants, takes input as far as it granted itself, and ends with its
// last frame, with a cancel, with its sink, or with a frame that breaks the rules (INVALID_ARGUMENT).
#pragma once

#include <memory>
#include <optional>

#include "actors/runtime/log_store.hpp"
#include "actors/runtime/runtime_port.hpp"
#include "messages/node_link.hpp"

namespace cloudless::runtime {

/// From the supervisor to a log session that follows a replica: the next attempt's container; absent: nothing
/// more will come.
struct NextContainer {
  std::optional<ContainerId> container;
};
using NextContainerPtr = std::shared_ptr<const NextContainer>;
using LogBatchPtr = std::shared_ptr<const LogBatch>;
using StreamNewsPtr = std::shared_ptr<const StreamNews>;

}  // namespace cloudless::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::NextContainerPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::LogBatchPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::StreamNewsPtr)

namespace cloudless::runtime {

using session_actor = ActorOf<
    // From the supervisor: whatever the gateway sent after the opening.
    caf::result<void>(Carried<SessionFrame>), caf::result<void>(NextContainerPtr),
    // INTERNAL: from the log store and the runtime.
    caf::result<void>(LogBatchPtr), caf::result<void>(StreamNewsPtr)>;

/// The ports outlive the actor.
session_actor spawn_log_session(caf::actor_system& system, SessionId session, session_sink_actor sink,
                                LogStore& logs, LogRequest request);
/// `known`: in words, what was asked for and is known here; if the runtime does not find it, it does not run
/// any more.
session_actor spawn_stream_session(caf::actor_system& system, SessionId session, session_sink_actor sink,
                                   RuntimePort& runtime, StreamRequest request, std::string known);

}  // namespace cloudless::runtime
