// Frames of log and exec sessions.
#include <algorithm>

#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxSessionId = 128;
constexpr std::size_t kMaxStdin = 1 << 20;
constexpr int kMaxCommand = 256;

void write_log(const LogQuery& query, record::LogQuery& out) {
  out.set_replica(query.replica.value);
  out.set_container(query.container.value);
  out.set_follow(query.follow);
  if (query.tail_lines) out.set_tail_lines(*query.tail_lines);
  if (query.since) out.set_since_ms(*query.since);
  out.set_want_stdout(query.want_stdout);
  out.set_want_stderr(query.want_stderr);
  out.set_previous(query.previous);
  if (query.after) {
    out.set_after_container(query.after->container.value);
    out.set_after_position(query.after->position);
  }
}

bool read_log(const record::LogQuery& wire, LogQuery& out) {
  out.follow = wire.follow();
  if (wire.has_tail_lines()) out.tail_lines = wire.tail_lines();
  if (wire.has_since_ms()) out.since = wire.since_ms();
  out.want_stdout = wire.want_stdout();
  out.want_stderr = wire.want_stderr();
  out.previous = wire.previous();
  if (!wire.after_container().empty()) {
    out.after = LogPosition{{}, wire.after_position()};
    if (!read_optional_container_id(wire.after_container(), out.after->container)) return false;
  }
  return read_optional_replica_id(wire.replica(), out.replica) &&
         read_optional_container_id(wire.container(), out.container);
}

void write_exec(const ExecQuery& query, record::ExecQuery& out) {
  out.set_replica(query.replica.value);
  out.set_container(query.container.value);
  for (const auto& item : query.command) out.add_command(item);
  out.set_stdin_data(query.stdin_data);
  out.set_timeout_ms(query.timeout);
}

bool read_exec(const record::ExecQuery& wire, ExecQuery& out) {
  if (wire.command_size() > kMaxCommand || wire.stdin_data().size() > kMaxStdin) return false;
  out.command.assign(wire.command().begin(), wire.command().end());
  out.stdin_data = wire.stdin_data();
  return read_optional_replica_id(wire.replica(), out.replica) &&
         read_optional_container_id(wire.container(), out.container) &&
         read_millis(wire.timeout_ms(), out.timeout);
}

bool read_open(const record::SessionOpen& wire, SessionOpen& out) {
  out.credit = wire.credit();
  if (!read_optional_node_id(wire.node(), out.node)) return false;
  switch (wire.query_case()) {
    case record::SessionOpen::kLog:
      return read_log(wire.log(), out.query.emplace<LogQuery>());
    case record::SessionOpen::kExec:
      return read_exec(wire.exec(), out.query.emplace<ExecQuery>());
    case record::SessionOpen::QUERY_NOT_SET:
      return false;
  }
  return false;
}

void write_line(const LogLine& line, record::LogLine& out) {
  out.set_time_nanos(line.time_nanos);
  out.set_is_stderr(line.is_stderr);
  out.set_partial(line.partial);
  out.set_line(line.line);
  out.set_dropped_before(line.dropped_before);
  out.set_container(line.container.value);
  out.set_drop_reason(static_cast<std::uint32_t>(line.drop_reason));
  out.set_position(line.position);
}

bool read_line(const record::LogLine& wire, LogLine& out) {
  out.time_nanos = wire.time_nanos();
  out.is_stderr = wire.is_stderr();
  out.partial = wire.partial();
  out.line = wire.line();
  out.dropped_before = wire.dropped_before();
  // A reason that a newer agent has: lines are missing all the same.
  constexpr auto kLastReason = static_cast<std::uint32_t>(DropReason::rotated);
  out.drop_reason = static_cast<DropReason>(std::min(wire.drop_reason(), kLastReason));
  out.position = wire.position();
  return read_optional_container_id(wire.container(), out.container);
}

bool read_data(const record::SessionData& wire, SessionData& out) {
  out.sequence = wire.sequence();
  out.output = wire.output();
  out.is_stderr = wire.is_stderr();
  out.caught_up = wire.caught_up();
  for (const auto& line : wire.lines()) {
    if (!read_line(line, out.lines.emplace_back())) return false;
  }
  return true;
}

bool read_end(const record::SessionEnd& wire, SessionEnd& out) {
  out.exit_code = wire.exit_code();
  out.timed_out = wire.timed_out();
  out.truncated = wire.truncated();
  return wire.has_error() && read(wire.error(), out.error);
}

struct BodyWriter {
  record::SessionFrame& out;

  void operator()(const SessionOpen& open) const {
    auto& wire = *out.mutable_open();
    wire.set_node(open.node.value);
    wire.set_credit(open.credit);
    if (const auto* log = std::get_if<LogQuery>(&open.query)) write_log(*log, *wire.mutable_log());
    if (const auto* exec = std::get_if<ExecQuery>(&open.query)) write_exec(*exec, *wire.mutable_exec());
  }
  void operator()(const SessionCredit& credit) const { out.mutable_credit()->set_bytes(credit.bytes); }
  void operator()(const SessionCancel&) const { out.mutable_cancel(); }
  void operator()(const SessionData& data) const {
    auto& wire = *out.mutable_data();
    wire.set_sequence(data.sequence);
    for (const auto& line : data.lines) write_line(line, *wire.add_lines());
    wire.set_output(data.output);
    wire.set_is_stderr(data.is_stderr);
    wire.set_caught_up(data.caught_up);
  }
  void operator()(const SessionEnd& end) const {
    auto& wire = *out.mutable_end();
    write(end.error, *wire.mutable_error());
    wire.set_exit_code(end.exit_code);
    wire.set_timed_out(end.timed_out);
    wire.set_truncated(end.truncated);
  }
};

}  // namespace

void write(const SessionFrame& frame, record::SessionFrame& out) {
  out.set_session(frame.session.value);
  std::visit(BodyWriter{out}, frame.body);
}

bool read(const record::SessionFrame& wire, SessionFrame& out) {
  if (wire.session().empty() || wire.session().size() > kMaxSessionId) return false;
  out.session.value = wire.session();
  switch (wire.body_case()) {
    case record::SessionFrame::kOpen:
      return read_open(wire.open(), out.body.emplace<SessionOpen>());
    case record::SessionFrame::kCredit:
      out.body = SessionCredit{wire.credit().bytes()};
      return true;
    case record::SessionFrame::kCancel:
      out.body = SessionCancel{};
      return true;
    case record::SessionFrame::kData:
      return read_data(wire.data(), out.body.emplace<SessionData>());
    case record::SessionFrame::kEnd:
      return read_end(wire.end(), out.body.emplace<SessionEnd>());
    case record::SessionFrame::BODY_NOT_SET:
      return false;
  }
  return false;
}

std::string encode(const SessionFrame& value) {
  record::SessionFrame wire;
  write(value, wire);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, SessionFrame& value) {
  record::SessionFrame wire;
  return from_bytes(bytes, kMaxFrameBytes, wire) && read(wire, value);
}

}  // namespace cloudless::codec
