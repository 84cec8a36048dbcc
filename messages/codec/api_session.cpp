// Exec, PortForward and Copy: the messages of their streams.
#include <algorithm>
#include <string_view>

#include "messages/codec/api_stream.hpp"
#include "messages/codec/api_target.hpp"
#include "messages/codec/bounds.hpp"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxTermName = 64;
constexpr std::uint32_t kMaxSide = 65535;
constexpr std::size_t kMaxPathBytes = 4096;
constexpr std::size_t kMaxPathName = 255;

bool is_term(std::string_view text) {
  return text.size() <= kMaxTermName && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '+' || c == '-';
         });
}

WindowSize window_of(const api::WindowSize& window, const std::string& path, Violations& v) {
  v.check_range(path + ".columns", window.columns(), 0, kMaxSide);
  v.check_range(path + ".rows", window.rows(), 0, kMaxSide);
  return {window.columns(), window.rows()};
}

/// Names of at most 255 bytes, no NUL: what a file system can have. Where ".." leads to is the agent's
/// business.
void check_path(const std::string& path, Violations& v) {
  if (path.empty()) return v.add("open.path", "is required");
  if (path.size() > kMaxPathBytes) return v.add("open.path", "is longer than 4096 bytes");
  if (path.find('\0') != std::string::npos) v.add("open.path", "contains a NUL character");
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    if (end - at > kMaxPathName) return v.add("open.path", "has a name longer than 255 bytes");
    at = end + 1;
  }
}

template <class Message>
Result<StreamOpen> opened(StreamOpen out, Violations& v, const Message& message, const char* what) {
  v.check_known(message, "");
  if (auto error = v.error(what)) return fail(std::move(*error));
  return out;
}

template <class Open>
StreamTarget opening(bool is_open, const Open& open, const char* first, Violations& v) {
  if (is_open) return target_of(open, v, "open.");
  v.add("open", std::string("is required: the first message says ") + first);
  return {};
}

Result<StreamStep> not_a_step(bool again, const char* what) {
  Violations v;
  v.add(again ? "open" : "body", again ? "comes once, as the first message" : "is required");
  return fail(std::move(*v.error(what)));
}

Result<StreamStep> input_step(const std::string& bytes, const char* path, const char* what) {
  if (bytes.size() <= kMaxSessionChunk) return SessionInput{0, bytes, false};
  Violations v;
  v.add(path, "is longer than 64 KiB");
  return fail(std::move(*v.error(what)));
}

constexpr SessionInput kNoMore{0, {}, true};

template <class Message>
bool set_data(const SessionData& data, Message& out) {
  out.set_data(data.output);
  return !data.output.empty();
}

}  // namespace

Result<StreamOpen> parse_open(const api::ExecInput& message) {
  Violations v;
  const auto& open = message.open();
  ExecQuery query;
  StreamTarget target = opening(message.has_open(), open, "where and what to run", v);
  if (message.has_open()) query.command = command_of(open.command(), "open.command", v);
  query.replica = target.replica;
  query.container = target.container;
  query.has_input = open.stdin();
  query.terminal = open.tty();
  if (!is_term(open.term())) v.add("open.term", "must be at most 64 of A-Z, a-z, 0-9, ., _, + and -");
  query.term = open.tty() && open.term().empty() ? "xterm" : open.term();
  if (!open.tty() && (!open.term().empty() || open.has_window()))
    v.add("open.tty", "must be set when term or window is");
  query.window = window_of(open.window(), "open.window", v);
  if (open.has_timeout_ms()) v.check_range("open.timeout_ms", open.timeout_ms(), 1, kDay);
  query.timeout = static_cast<Millis>(open.timeout_ms());
  query.output_limit = 0;
  query.counted = true;
  return opened({std::move(target), std::move(query)}, v, message, "Exec");
}

Result<StreamOpen> parse_open(const api::PortForwardInput& message) {
  Violations v;
  StreamTarget target = opening(message.has_open(), message.open(), "where to connect to", v);
  if (message.has_open()) v.check_range("open.port", message.open().port(), 1, kMaxSide);
  ForwardQuery query{target.replica, target.container, message.open().port()};
  return opened({std::move(target), std::move(query)}, v, message, "PortForward");
}

Result<StreamOpen> parse_open(const api::CopyInput& message) {
  Violations v;
  StreamTarget target = opening(message.has_open(), message.open(), "where and what to copy", v);
  if (message.has_open()) check_path(message.open().path(), v);
  CopyQuery query{target.replica, target.container, message.open().path(), message.open().into()};
  return opened({std::move(target), std::move(query)}, v, message, "Copy");
}

Result<StreamStep> parse_step(const api::ExecInput& message) {
  Violations v;
  switch (message.body_case()) {
    case api::ExecInput::kOpen:
      return not_a_step(true, "Exec");
    case api::ExecInput::BODY_NOT_SET:
      return not_a_step(false, "Exec");
    case api::ExecInput::kStdin:
      return input_step(message.stdin(), "stdin", "Exec");
    case api::ExecInput::kCloseStdin:
      return kNoMore;
    case api::ExecInput::kWindow: {
      const auto window = window_of(message.window(), "window", v);
      if (auto error = v.error("Exec")) return fail(std::move(*error));
      return SessionResize{window};
    }
    case api::ExecInput::kSignal:
      v.check_range("signal", message.signal(), 1, 64);
      if (auto error = v.error("Exec")) return fail(std::move(*error));
      return SessionSignal{static_cast<std::int32_t>(message.signal())};
  }
  return not_a_step(false, "Exec");
}

Result<StreamStep> parse_step(const api::PortForwardInput& message) {
  switch (message.body_case()) {
    case api::PortForwardInput::kOpen:
      return not_a_step(true, "PortForward");
    case api::PortForwardInput::BODY_NOT_SET:
      return not_a_step(false, "PortForward");
    case api::PortForwardInput::kData:
      return input_step(message.data(), "data", "PortForward");
    case api::PortForwardInput::kClose:
      return kNoMore;
  }
  return not_a_step(false, "PortForward");
}

Result<StreamStep> parse_step(const api::CopyInput& message) {
  switch (message.body_case()) {
    case api::CopyInput::kOpen:
      return not_a_step(true, "Copy");
    case api::CopyInput::BODY_NOT_SET:
      return not_a_step(false, "Copy");
    case api::CopyInput::kData:
      return input_step(message.data(), "data", "Copy");
    case api::CopyInput::kClose:
      return kNoMore;
  }
  return not_a_step(false, "Copy");
}

bool to_api(const SessionData& data, api::ExecOutput& out) {
  if (data.is_stderr)
    out.set_stderr(data.output);
  else
    out.set_stdout(data.output);
  return !data.output.empty();
}

bool to_api(const SessionData& data, api::PortForwardOutput& out) {
  if (!data.last) return set_data(data, out);
  out.set_closed(true);
  return true;
}

bool to_api(const SessionData& data, api::CopyOutput& out) {
  if (!data.is_stderr) return set_data(data, out);
  out.set_warning(data.output);
  return !data.output.empty();
}

bool to_api(const SessionEnd& end, api::ExecOutput& out) {
  out.mutable_end()->set_exit_code(end.exit_code);
  out.mutable_end()->set_timed_out(end.timed_out);
  return true;
}

bool to_api(const SessionEnd&, api::PortForwardOutput&) {
  return false;
}

bool to_api(const SessionEnd&, api::CopyOutput&) {
  return false;
}

}  // namespace cloudless::codec
