// Logs, commands, connections and files between a client's gateway and an agent: numbered chunks with credit
// in both directions. A session dies with any of its hops.
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

/// Characters of a terminal; 0: not known.
struct WindowSize {
  std::uint32_t columns = 0;
  std::uint32_t rows = 0;
  bool operator==(const WindowSize&) const = default;
};

/// A command in a container. Its input comes as SessionInput.
struct ExecQuery {
  ReplicaId replica;
  ContainerId container;
  std::vector<std::string> command;
  Millis timeout = 30000;                ///< 0: none
  bool has_input = false;                ///< else it finds its input at its end
  bool terminal = false;                 ///< it gets a terminal; then there is no standard error of its own
  std::string term;                      ///< with terminal: the variable TERM; empty: as the container has it
  WindowSize window;                     ///< with terminal
  std::uint64_t output_limit = 1 << 20;  ///< of each stream, what is more is dropped; 0: none
  bool counted = false;                  ///< one of the few that may be open at a time, for people
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

/// One TCP connection to a port of a replica.
struct ForwardQuery {
  ReplicaId replica;
  ContainerId container;
  std::uint32_t port = 0;  ///< 1-65535
  bool operator==(const ForwardQuery&) const = default;
};

/// Files of a container as a tar stream.
struct CopyQuery {
  ReplicaId replica;
  ContainerId container;
  std::string path;   ///< in the container
  bool into = false;  ///< into the container, from input; else out of it
  bool operator==(const CopyQuery&) const = default;
};

/// A session's payload at a time, either way.
inline constexpr std::size_t kMaxSessionChunk = 64 << 10;
/// Bytes of input that a gateway may send before more is granted (SessionTaken).
inline constexpr std::uint64_t kSessionInputCredit = 128 << 10;

using SessionQuery = std::variant<LogQuery, ExecQuery, ForwardQuery, CopyQuery, UsageQuery>;

/// Gateway to agent: begins a session. `credit`: bytes that the agent may send before more is granted.
struct SessionOpen {
  NodeId node;
  SessionQuery query;
  std::uint64_t credit = 256 << 10;
  std::string principal;  ///< who asks, for the event
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
/// Gateway to agent: the next bytes of input, at most kMaxSessionChunk.
struct SessionInput {
  std::uint64_t sequence = 0;  ///< from 0, without gaps
  std::string bytes;
  bool last = false;  ///< the input ends with them
  bool operator==(const SessionInput&) const = default;
};
/// Gateway to agent: the client's terminal changed.
struct SessionResize {
  WindowSize window;
  bool operator==(const SessionResize&) const = default;
};
/// Gateway to agent: a signal for the command, 1-64.
struct SessionSignal {
  std::int32_t number = 0;
  bool operator==(const SessionSignal&) const = default;
};
/// Agent to gateway. A payload of at most 64 KiB: log lines, or a piece of output.
struct SessionData {
  std::uint64_t sequence = 0;  ///< from 0, without gaps
  std::vector<LogLine> lines;
  std::string output;
  bool is_stderr = false;  ///< of output
  bool caught_up = false;  ///< logs that are followed: what was there is delivered, from now on lines are new
  bool last = false;  ///< nothing more comes this way, though the session goes on (a half-closed connection)
  bool operator==(const SessionData&) const = default;
};
/// Agent to gateway: the agent took this many bytes of input more.
struct SessionTaken {
  std::uint64_t bytes = 0;
  bool operator==(const SessionTaken&) const = default;
};
/// Agent to gateway, last: code none is success.
struct SessionEnd {
  Error error{Errc::none, {}, {}};
  std::int32_t exit_code = 0;  ///< exec
  bool timed_out = false;      ///< exec
  bool truncated = false;      ///< exec
  bool operator==(const SessionEnd&) const = default;
};
/// What could not be read: of another version, or nonsense. It ends the session with INVALID_ARGUMENT.
struct SessionUnknown {
  bool operator==(const SessionUnknown&) const = default;
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
  std::variant<SessionOpen, SessionCredit, SessionCancel, SessionData, SessionEnd, SessionInput,
               SessionResize, SessionSignal, SessionTaken, SessionUnknown>
      body;
  bool operator==(const SessionFrame&) const = default;
};

}  // namespace cloudless
