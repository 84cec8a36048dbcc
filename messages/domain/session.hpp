// Logs and exec between a client's gateway and an agent: numbered chunks with credit. A session dies with any
// of its hops.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless {

struct LogQuery {
  ReplicaId replica;      ///< or
  ContainerId container;  ///< one container
  bool follow = false;
  std::optional<std::uint32_t> tail_lines;
  std::optional<WallMillis> since;
  bool want_stdout = true;
  bool want_stderr = true;
  bool operator==(const LogQuery&) const = default;
};

struct LogLine {
  std::int64_t time_nanos = 0;  ///< wall clock of the node
  bool is_stderr = false;
  bool partial = false;
  std::string line;
  std::uint64_t dropped_before = 0;
  ContainerId container;
  bool operator==(const LogLine&) const = default;
};

struct ExecQuery {
  ReplicaId replica;
  ContainerId container;
  std::vector<std::string> command;
  std::string stdin_data;  ///< at most 1 MiB
  Millis timeout = 30000;
  bool operator==(const ExecQuery&) const = default;
};

struct ExecResult {
  std::string stdout_data;  ///< at most 1 MiB
  std::string stderr_data;  ///< at most 1 MiB
  std::int32_t exit_code = 0;
  bool timed_out = false;
  bool truncated = false;
  bool operator==(const ExecResult&) const = default;
};

/// What everything on the node uses: answered at once, as the bytes of a NodeUsage in `output`.
struct UsageQuery {
  bool operator==(const UsageQuery&) const = default;
};

/// Gateway to agent: begins a session. `credit`: bytes that the agent may send before more is granted.
struct SessionOpen {
  NodeId node;
  std::variant<LogQuery, ExecQuery, UsageQuery> query;
  std::uint64_t credit = 256 << 10;
  bool operator==(const SessionOpen&) const = default;
};
/// Gateway to agent: the client took this many bytes more.
struct SessionCredit {
  std::uint64_t bytes = 0;
  bool operator==(const SessionCredit&) const = default;
};
/// Gateway to agent: the client left.
struct SessionCancel {
  bool operator==(const SessionCancel&) const = default;
};
/// Agent to gateway. A payload of at most 64 KiB: log lines, or a piece of an exec's output.
struct SessionData {
  std::uint64_t sequence = 0;  ///< from 0, without gaps
  std::vector<LogLine> lines;
  std::string output;      ///< exec
  bool is_stderr = false;  ///< of output
  bool operator==(const SessionData&) const = default;
};
/// Agent to gateway, last: code none is success.
struct SessionEnd {
  Error error{Errc::none, {}, {}};
  std::int32_t exit_code = 0;  ///< exec
  bool timed_out = false;      ///< exec
  bool truncated = false;      ///< exec
  bool operator==(const SessionEnd&) const = default;
};

/// What a line, and a chunk, count against a session's credit, in bytes; both ends must count alike.
inline std::uint64_t session_bytes(const LogLine& line) {
  return line.line.size() + 128;
}
inline std::uint64_t session_bytes(const SessionData& data) {
  std::uint64_t bytes = data.output.size();
  for (const auto& line : data.lines) bytes += session_bytes(line);
  return bytes;
}

struct SessionFrame {
  SessionId session;
  std::variant<SessionOpen, SessionCredit, SessionCancel, SessionData, SessionEnd> body;
  bool operator==(const SessionFrame&) const = default;
};

}  // namespace cloudless
