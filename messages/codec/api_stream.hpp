// StreamLogs, ExecCommand, Exec, PortForward and Copy: from the API's messages to queries and session frames,
// and back. Used by gateways and by the agent's API.
#pragma once

#include <string>
#include <variant>

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
  ExecQuery query;    ///< with replica or container as in target
  std::string input;  ///< at most 1 MiB
};
/// The first message of a stream.
struct StreamOpen {
  StreamTarget target;
  SessionQuery query;  ///< with replica or container as in target
};
/// What a later message of a stream asks for. SessionInput is not numbered yet.
using StreamStep = std::variant<SessionInput, SessionResize, SessionSignal>;

/// INVALID_ARGUMENT with every bad field.
Result<LogRequest> parse_logs(const api::StreamLogsRequest& request);
Result<ExecRequest> parse_exec(const api::ExecCommandRequest& request);

/// INVALID_ARGUMENT with every bad field, also if the message does not open the stream.
Result<StreamOpen> parse_open(const api::ExecInput& message);
Result<StreamOpen> parse_open(const api::PortForwardInput& message);
Result<StreamOpen> parse_open(const api::CopyInput& message);
/// INVALID_ARGUMENT, also if the message opens the stream again or has no body.
Result<StreamStep> parse_step(const api::ExecInput& message);
Result<StreamStep> parse_step(const api::PortForwardInput& message);
Result<StreamStep> parse_step(const api::CopyInput& message);

/// A piece of output as the stream's next message; false if there is nothing to say.
bool to_api(const SessionData& data, api::ExecOutput& out);
bool to_api(const SessionData& data, api::PortForwardOutput& out);
bool to_api(const SessionData& data, api::CopyOutput& out);
/// The stream's last message; false if the status says it all.
bool to_api(const SessionEnd& end, api::ExecOutput& out);
bool to_api(const SessionEnd& end, api::PortForwardOutput& out);
bool to_api(const SessionEnd& end, api::CopyOutput& out);

}  // namespace cloudless::codec
