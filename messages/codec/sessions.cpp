// Frames of sessions: logs, commands, connections, files. A frame whose session can be read and whose body
// cannot is SessionUnknown, so that the session ends rather than waits.
#include <algorithm>

#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxSessionId = 128;
constexpr std::size_t kMaxSessionFrameBytes = 256 << 10;
constexpr int kMaxCommand = 256;
constexpr std::size_t kMaxCommandBytes = 128 << 10;
constexpr std::size_t kMaxTerm = 128;
constexpr std::size_t kMaxCopyPath = 4096;
constexpr std::size_t kMaxPrincipal = 1024;
constexpr std::uint32_t kMaxWindowSide = 65535;
constexpr std::uint32_t kMaxPort = 65535;
constexpr std::int32_t kMaxSignal = 64;

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

void write_window(const WindowSize& window, record::WindowSize& out) {
  out.set_columns(window.columns);
  out.set_rows(window.rows);
}

bool read_window(const record::WindowSize& wire, WindowSize& out) {
  out = {wire.columns(), wire.rows()};
  return out.columns <= kMaxWindowSide && out.rows <= kMaxWindowSide;
}

void write_exec(const ExecQuery& query, record::ExecQuery& out) {
  out.set_replica(query.replica.value);
  out.set_container(query.container.value);
  for (const auto& item : query.command) out.add_command(item);
  out.set_timeout_ms(query.timeout);
  out.set_has_input(query.has_input);
  out.set_terminal(query.terminal);
  out.set_term(query.term);
  write_window(query.window, *out.mutable_window());
  out.set_output_limit(query.output_limit);
  out.set_counted(query.counted);
}

bool read_exec(const record::ExecQuery& wire, ExecQuery& out) {
  std::size_t bytes = 0;
  for (const auto& item : wire.command()) bytes += item.size();
  if (wire.command_size() > kMaxCommand || bytes > kMaxCommandBytes || wire.term().size() > kMaxTerm)
    return false;
  out.command.assign(wire.command().begin(), wire.command().end());
  out.has_input = wire.has_input();
  out.terminal = wire.terminal();
  out.term = wire.term();
  out.output_limit = wire.output_limit();
  out.counted = wire.counted();
  return read_optional_replica_id(wire.replica(), out.replica) &&
         read_optional_container_id(wire.container(), out.container) &&
         read_millis(wire.timeout_ms(), out.timeout) && read_window(wire.window(), out.window);
}

void write_forward(const ForwardQuery& query, record::ForwardQuery& out) {
  out.set_replica(query.replica.value);
  out.set_container(query.container.value);
  out.set_port(query.port);
}

bool read_forward(const record::ForwardQuery& wire, ForwardQuery& out) {
  out.port = wire.port();
  return out.port >= 1 && out.port <= kMaxPort && read_optional_replica_id(wire.replica(), out.replica) &&
         read_optional_container_id(wire.container(), out.container);
}

void write_copy(const CopyQuery& query, record::CopyQuery& out) {
  out.set_replica(query.replica.value);
  out.set_container(query.container.value);
  out.set_path(query.path);
  out.set_into(query.into);
}

bool read_copy(const record::CopyQuery& wire, CopyQuery& out) {
  out.path = wire.path();
  out.into = wire.into();
  return out.path.size() <= kMaxCopyPath && read_optional_replica_id(wire.replica(), out.replica) &&
         read_optional_container_id(wire.container(), out.container);
}

bool read_open(const record::SessionOpen& wire, SessionOpen& out) {
  out.credit = wire.credit();
  out.principal = wire.principal();
  if (out.principal.size() > kMaxPrincipal || !read_optional_node_id(wire.node(), out.node)) return false;
  switch (wire.query_case()) {
    case record::SessionOpen::kLog:
      return read_log(wire.log(), out.query.emplace<LogQuery>());
    case record::SessionOpen::kExec:
      return read_exec(wire.exec(), out.query.emplace<ExecQuery>());
    case record::SessionOpen::kUsage:
      out.query = UsageQuery{};
      return true;
    case record::SessionOpen::kForward:
      return read_forward(wire.forward(), out.query.emplace<ForwardQuery>());
    case record::SessionOpen::kCopy:
      return read_copy(wire.copy(), out.query.emplace<CopyQuery>());
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
  out.last = wire.last();
  for (const auto& line : wire.lines()) {
    if (!read_line(line, out.lines.emplace_back())) return false;
  }
  return true;
}

bool read_input(const record::SessionInput& wire, SessionInput& out) {
  if (wire.bytes().size() > kMaxSessionChunk) return false;
  out = {wire.sequence(), wire.bytes(), wire.last()};
  return true;
}

bool read_signal(const record::SessionSignal& wire, SessionSignal& out) {
  out.number = wire.number();
  return out.number >= 1 && out.number <= kMaxSignal;
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
    wire.set_principal(open.principal);
    if (const auto* log = std::get_if<LogQuery>(&open.query)) write_log(*log, *wire.mutable_log());
    if (const auto* exec = std::get_if<ExecQuery>(&open.query)) write_exec(*exec, *wire.mutable_exec());
    if (std::holds_alternative<UsageQuery>(open.query)) wire.mutable_usage();
    if (const auto* forward = std::get_if<ForwardQuery>(&open.query))
      write_forward(*forward, *wire.mutable_forward());
    if (const auto* copy = std::get_if<CopyQuery>(&open.query)) write_copy(*copy, *wire.mutable_copy());
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
    wire.set_last(data.last);
  }
  void operator()(const SessionInput& input) const {
    auto& wire = *out.mutable_input();
    wire.set_sequence(input.sequence);
    wire.set_bytes(input.bytes);
    wire.set_last(input.last);
  }
  void operator()(const SessionResize& resize) const {
    write_window(resize.window, *out.mutable_resize()->mutable_window());
  }
  void operator()(const SessionSignal& signal) const { out.mutable_signal()->set_number(signal.number); }
  void operator()(const SessionTaken& taken) const { out.mutable_taken()->set_bytes(taken.bytes); }
  void operator()(const SessionUnknown&) const {}
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

namespace {

bool read_body(const record::SessionFrame& wire, SessionFrame& out) {
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
    case record::SessionFrame::kInput:
      return read_input(wire.input(), out.body.emplace<SessionInput>());
    case record::SessionFrame::kResize:
      return read_window(wire.resize().window(), out.body.emplace<SessionResize>().window);
    case record::SessionFrame::kSignal:
      return read_signal(wire.signal(), out.body.emplace<SessionSignal>());
    case record::SessionFrame::kTaken:
      out.body = SessionTaken{wire.taken().bytes()};
      return true;
    case record::SessionFrame::BODY_NOT_SET:
      return false;
  }
  return false;
}

}  // namespace

bool read(const record::SessionFrame& wire, SessionFrame& out) {
  if (wire.session().empty() || wire.session().size() > kMaxSessionId) return false;
  out.session.value = wire.session();
  if (!read_body(wire, out)) out.body = SessionUnknown{};
  return true;
}

std::string encode(const SessionFrame& value) {
  record::SessionFrame wire;
  write(value, wire);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, SessionFrame& value) {
  record::SessionFrame wire;
  return from_bytes(bytes, kMaxSessionFrameBytes, wire) && read(wire, value);
}

}  // namespace cloudless::codec
