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

/// A place in a container's log: behind one of its lines. Grows along the log; 0: its beginning.
struct LogPosition {
  ContainerId container;
  std::uint64_t position = 0;
  bool operator==(const LogPosition&) const = default;
};

struct LogQuery {
  ReplicaId replica;      ///< or
  ContainerId container;  ///< one container
  bool follow = false;
  std::optional<std::uint32_t> tail_lines;
  std::optional<WallMillis> since;
  bool want_stdout = true;
  bool want_stderr = true;
  bool previous = false;             ///< of a replica: the attempt before the newest instead; ends with it
  std::optional<LogPosition> after;  ///< goes on behind a line that was read before
  bool operator==(const LogQuery&) const = default;
};

/// Why lines are missing: their node's disk was full, they were more than a container may write, or their
/// file was rotated away before it was read.
enum class DropReason : std::uint8_t { none, disk_full, rate_limit, rotated };

/// A line; with a drop_reason not a line but a marker in place of `dropped_before` lines (0: of unknown
/// count).
struct LogLine {
  std::int64_t time_nanos = 0;  ///< wall clock of the node
  bool is_stderr = false;
  bool partial = false;
  std::string line;
  std::uint64_t dropped_before = 0;
  ContainerId container;
  DropReason drop_reason = DropReason::none;
  std::uint64_t position = 0;  ///< behind it, as in LogPosition
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

/// Gateway to agent: begins a session. `credit`: bytes that the agent may send before more is granted.
struct SessionOpen {
  NodeId node;
  std::variant<LogQuery, ExecQuery> query;
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
  bool caught_up = false;  ///< logs that are followed: what was there is delivered, from now on lines are new
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
