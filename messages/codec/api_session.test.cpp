#include <doctest/doctest.h>

#include <functional>

#include "messages/codec/api_stream.hpp"

namespace cloudless::codec {
namespace {

api::ExecInput opening(const std::function<void(api::ExecInput::Open&)>& change = {}) {
  api::ExecInput message;
  auto& open = *message.mutable_open();
  open.set_workload("web");
  open.add_command("sh");
  if (change) change(open);
  return message;
}

std::string path_of(const Error& error) {
  return error.violations.empty() ? "" : error.violations.front().path;
}

}  // namespace

TEST_CASE("the first message of Exec opens it, with everything that it says") {
  const auto opened = parse_open(opening([](auto& open) {
    open.set_stdin(true);
    open.set_tty(true);
    open.mutable_window()->set_columns(80);
    open.mutable_window()->set_rows(24);
    open.set_timeout_ms(5000);
  }));
  REQUIRE(opened);
  CHECK(opened->target.workload == QualifiedName{"default", "web"});
  const auto& query = std::get<ExecQuery>(opened->query);
  CHECK(query == ExecQuery{{}, {}, {"sh"}, 5000, true, true, "xterm", {80, 24}, 0, true});
  CHECK(std::get<ExecQuery>(parse_open(opening())->query).timeout == 0);
}

TEST_CASE("a bad opening is refused with the path of what is wrong") {
  using Open = api::ExecInput::Open;
  const std::vector<std::pair<std::string, std::function<void(Open&)>>> rows = {
      {"open.workload", [](Open& o) { o.clear_workload(); }},
      {"open.workload", [](Open& o) { o.set_replica_id("web-0123456789-0"); }},
      {"open.workload", [](Open& o) { o.set_workload("Web"); }},
      {"open.namespace", [](Open& o) { o.set_namespace_("a b"); }},
      {"open.command", [](Open& o) { o.clear_command(); }},
      {"open.command[1]", [](Open& o) { o.add_command(std::string("a\0b", 3)); }},
      {"open.command", [](Open& o) { o.add_command(std::string(129 << 10, 'x')); }},
      {"open.term",
       [](Open& o) {
         o.set_tty(true);
         o.set_term("a b");
       }},
      {"open.tty", [](Open& o) { o.set_term("xterm"); }},
      {"open.window.rows",
       [](Open& o) {
         o.set_tty(true);
         o.mutable_window()->set_rows(70'000);
       }},
      {"open.timeout_ms", [](Open& o) { o.set_timeout_ms(0); }},
      {"open.timeout_ms", [](Open& o) { o.set_timeout_ms(86'400'001); }},
  };
  for (const auto& [path, change] : rows) {
    const auto opened = parse_open(opening(change));
    CAPTURE(path);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::invalid_argument);
    CHECK(path_of(opened.error()) == path);
  }
  api::ExecInput first;
  first.set_stdin("x");
  CHECK(path_of(parse_open(first).error()) == "open");
  api::PortForwardInput port;
  port.mutable_open()->set_workload("web");
  CHECK(path_of(parse_open(port).error()) == "open.port");
  port.mutable_open()->set_port(65536);
  CHECK(path_of(parse_open(port).error()) == "open.port");
  api::CopyInput copy;
  copy.mutable_open()->set_workload("web");
  for (const auto& path :
       {std::string(), std::string("/a\0b", 4), std::string(5000, 'x'), "/" + std::string(256, 'n')}) {
    copy.mutable_open()->set_path(path);
    CHECK(path_of(parse_open(copy).error()) == "open.path");
  }
}

TEST_CASE("later messages are steps; what is none is refused") {
  api::ExecInput message;
  CHECK(path_of(parse_step(message).error()) == "body");
  CHECK(path_of(parse_step(opening()).error()) == "open");
  message.set_stdin("x");
  CHECK(std::get<SessionInput>(*parse_step(message)) == SessionInput{0, "x", false});
  message.set_close_stdin(true);
  CHECK(std::get<SessionInput>(*parse_step(message)) == SessionInput{0, "", true});
  message.set_signal(15);
  CHECK(std::get<SessionSignal>(*parse_step(message)).number == 15);
  message.set_signal(0);
  CHECK(path_of(parse_step(message).error()) == "signal");
  message.mutable_window()->set_columns(10);
  CHECK(std::get<SessionResize>(*parse_step(message)).window == WindowSize{10, 0});
  message.set_stdin(std::string(kMaxSessionChunk + 1, 'x'));
  CHECK(path_of(parse_step(message).error()) == "stdin");
}

TEST_CASE("what a session says becomes the stream's messages") {
  api::ExecOutput exec;
  CHECK(to_api(SessionData{0, {}, "o", false}, exec));
  CHECK(exec.stdout() == "o");
  CHECK(to_api(SessionData{0, {}, "e", true}, exec));
  CHECK(exec.stderr() == "e");
  CHECK(to_api(SessionEnd{{Errc::none, {}, {}}, 3, true, false}, exec));
  CHECK(exec.end().exit_code() == 3);
  CHECK(exec.end().timed_out());
  api::PortForwardOutput port;
  CHECK(to_api(SessionData{0, {}, "", false, false, true}, port));
  CHECK(port.closed());
  CHECK_FALSE(to_api(SessionEnd{}, port));
}

}  // namespace cloudless::codec
