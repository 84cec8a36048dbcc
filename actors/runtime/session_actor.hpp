// One log or exec session on the agent: opened by the supervisor, delivers to the session's sink under the
// credit that the client's gateway grants, and ends with its last frame, with a cancel, or with its sink.
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
using ExecDonePtr = std::shared_ptr<const Result<ExecResult>>;

}  // namespace cloudless::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::NextContainerPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::LogBatchPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::runtime::ExecDonePtr)

namespace cloudless::runtime {

using session_actor = ActorOf<
    // From the supervisor: SessionCredit or SessionCancel.
    caf::result<void>(Carried<SessionFrame>), caf::result<void>(NextContainerPtr),
    // INTERNAL: from the log store and the runtime.
    caf::result<void>(LogBatchPtr), caf::result<void>(ExecDonePtr)>;

/// The ports outlive the actor.
session_actor spawn_log_session(caf::actor_system& system, SessionId session, session_sink_actor sink,
                                LogStore& logs, LogRequest request);
session_actor spawn_exec_session(caf::actor_system& system, SessionId session, session_sink_actor sink,
                                 RuntimePort& runtime, ContainerId container, ExecQuery query,
                                 std::uint64_t credit);

}  // namespace cloudless::runtime
