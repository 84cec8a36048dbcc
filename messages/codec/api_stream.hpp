// StreamLogs and ExecCommand: from the API's messages to queries. Used by gateways and by the agent's API.
#pragma once

#include <string>

#include "cloudless/api/stream.pb.h"
#include "messages/domain/session.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::codec {

/// Whose logs, or where to run a command: exactly one of the three is not empty.
struct StreamTarget {
  QualifiedName workload;  ///< by name; empty name: not by name
  ReplicaId replica;
  ContainerId container;
  bool operator==(const StreamTarget&) const = default;
};

struct LogRequest {
  StreamTarget target;
  LogQuery query;  ///< with replica or container as in target
};
struct ExecRequest {
  StreamTarget target;
  ExecQuery query;  ///< with replica or container as in target
};

/// INVALID_ARGUMENT with every bad field.
Result<LogRequest> parse_logs(const api::StreamLogsRequest& request);
Result<ExecRequest> parse_exec(const api::ExecCommandRequest& request);

}  // namespace cloudless::codec
