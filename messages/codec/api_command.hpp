// Requests that change something: from the API's messages to the owners' commands. Everything that is wrong
// with a request is said at once. Used by gateways.
#pragma once

#include <string>

#include "cloudless/api/coordinator_service.pb.h"
#include "messages/domain/command.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::codec {

/// All of these: INVALID_ARGUMENT with every bad field, else UNIMPLEMENTED. An empty namespace becomes
/// "default". The context is complete, with the principal given; request_hash is SHA-256 over the request if
/// it has an idempotency key, else empty.
Result<WorkloadCommand> parse_command(const api::CreateWorkloadRequest& request,
                                      const std::string& principal);
Result<WorkloadCommand> parse_command(const api::ScaleWorkloadRequest& request, const std::string& principal);
Result<WorkloadCommand> parse_command(const api::DeleteWorkloadRequest& request,
                                      const std::string& principal);
Result<NodeCommand> parse_command(const api::UpdateNodeRequest& request, const std::string& principal);
Result<NodeCommand> parse_command(const api::CordonNodeRequest& request, const std::string& principal);
Result<NodeCommand> parse_command(const api::UncordonNodeRequest& request, const std::string& principal);
Result<NodeCommand> parse_command(const api::DrainNodeRequest& request, const std::string& principal);
Result<WorkloadCommand> parse_command(const api::PauseRolloutRequest& request, const std::string& principal);
Result<WorkloadCommand> parse_command(const api::ResumeRolloutRequest& request, const std::string& principal);
Result<WorkloadCommand> parse_command(const api::PromoteRolloutRequest& request,
                                      const std::string& principal);
Result<WorkloadCommand> parse_command(const api::AbortRolloutRequest& request, const std::string& principal);
Result<WorkloadCommand> parse_command(const api::UndoRolloutRequest& request, const std::string& principal);
Result<WorkloadCommand> parse_command(const api::RestartRolloutRequest& request,
                                      const std::string& principal);

/// `current` is the workload as the gateway's mirror has it. If the request has a mask and expects no
/// revision, the command expects current.revision, so that fields outside the mask are never set back: on
/// ABORTED the gateway reads and parses again.
Result<WorkloadCommand> parse_command(const api::UpdateWorkloadRequest& request, const Workload& current,
                                      const std::string& principal);
/// What can be said before the workload is looked up: names, key, mask, and for an empty mask the spec.
Result<QualifiedName> parse_target(const api::UpdateWorkloadRequest& request);

/// Namespace (default filled in) and name. INVALID_ARGUMENT.
Result<QualifiedName> parse_name(const std::string& ns, const std::string& name);

}  // namespace cloudless::codec
