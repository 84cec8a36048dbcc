#include <doctest/doctest.h>

#include <future>
#include <optional>

#include "gateway/gateway_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

using Watched = api::WatchWorkloadsReply;

struct Watcher {
  explicit Watcher(Fixture& f, Revision from, const std::string& selector = "") {
    api::WatchWorkloadsRequest request;
    request.set_from_revision(from);
    request.set_label_selector(selector);
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    reader = f.stub->WatchWorkloads(&context, request);
  }
  ~Watcher() {
    context.TryCancel();
    Watched rest;
    while (reader->Read(&rest)) {
    }
    if (!finished) reader->Finish();
  }
  Watched next() {
    Watched reply;
    REQUIRE(reader->Read(&reply));
    return reply;
  }
  grpc::Status end() {
    Watched reply;
    while (reader->Read(&reply)) {
    }
    finished = true;
    return reader->Finish();
  }
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<Watched>> reader;
  bool finished = false;
};

std::string brief(const Watched& w) {
  return Watched::Kind_Name(w.kind()) + " " + w.workload().name() + " " + std::to_string(w.revision());
}

const WorkloadUid kUid{"0123456789"};

Change replica(std::uint64_t ordinal, const std::string& node, Phase phase = Phase::running) {
  Replica r;
  r.workload = kUid;
  r.ordinal = ordinal;
  r.id = replica_id("web", kUid, ordinal);
  r.node = NodeId{node};
  r.phase = phase;
  r.ready = phase == Phase::running;
  r.container = ContainerId{r.id.value + "-1"};
  return put(std::make_shared<const Replica>(r));
}

LogLine line(std::int64_t time, const std::string& text) {
  LogLine l;
  l.time_nanos = time;
  l.line = text;
  l.container = ContainerId{"c-1"};
  l.position = static_cast<std::uint64_t>(time);
  return l;
}

/// The session that was opened to this node, once it is.
SessionFrame opened(Fixture& f, const std::string& node, std::size_t nth = 0) {
  std::optional<SessionFrame> found;
  const bool there = eventually([&] {
    std::size_t seen = 0;
    for (const auto& frame : f.script.with([](Script& s) { return s.frames; })) {
      const auto* open = std::get_if<SessionOpen>(&frame.body);
      if (open != nullptr && open->node.value == node && seen++ == nth) found = frame;
    }
    return found.has_value();
  });
  REQUIRE(there);
  return *found;
}

template <class Body>
void answer(Fixture& f, const SessionFrame& session, Body body) {
  const auto sink = f.script.with([&](Script& s) { return s.sinks[session.session]; });
  caf::anon_send(sink, Carried<SessionFrame>(SessionFrame{session.session, std::move(body)}));
}

std::uint64_t credit_granted(Fixture& f, const SessionId& session) {
  return f.script.with([&](Script& s) {
    std::uint64_t sum = 0;
    for (const auto& frame : s.frames)
      if (auto* credit = std::get_if<SessionCredit>(&frame.body);
          credit != nullptr && frame.session == session)
        sum += credit->bytes;
    return sum;
  });
}

}  // namespace

TEST_CASE(
    "gateway: a watch from 0 begins with everything, then tells each change with a revision to resume from") {
  Fixture f;
  f.commit({put_workload(workload("a", "aaaaaaaaaa", 1)), put_workload(workload("b", "bbbbbbbbbb", 1))});
  Watcher watch(f, 0);
  CHECK(brief(watch.next()) == "ADDED a 0");
  CHECK(brief(watch.next()) == "ADDED b 0");
  CHECK(brief(watch.next()) == "PROGRESS  1");
  f.commit({put_workload(workload("c", "cccccccccc", 2))});
  CHECK(brief(watch.next()) == "ADDED c 2");
  f.commit({put_workload(workload("a", "aaaaaaaaaa", 3))});
  CHECK(brief(watch.next()) == "CHANGED a 3");
  f.commit({erase(workload_key(WorkloadUid{"bbbbbbbbbb"}))});
  CHECK(brief(watch.next()) == "DELETED b 4");
}

TEST_CASE("gateway: a watch resumes from a revision and misses nothing") {
  Fixture f;
  for (Revision r = 1; r <= 6; ++r)
    f.commit({put_workload(workload("w" + std::to_string(r), "000000000" + std::to_string(r), r))});
  Watcher watch(f, 4);
  CHECK(brief(watch.next()) == "ADDED w5 5");
  CHECK(brief(watch.next()) == "ADDED w6 6");
}

TEST_CASE("gateway: what was touched at one revision is resumed as a whole") {
  Fixture f;
  f.commit({});
  f.commit({put_workload(workload("a", "aaaaaaaaaa", 2)), put_workload(workload("b", "bbbbbbbbbb", 2))});
  Watcher watch(f, 1);
  const auto first = watch.next();
  CHECK(first.revision() == 1);
  CHECK(watch.next().revision() == 2);
  Watcher again(f, first.revision());
  again.next();
  CHECK(brief(again.next()) == "ADDED b 2");
}

TEST_CASE("gateway: a workload that leaves a watch's selector is deleted from it, one that enters is added") {
  Fixture f;
  f.commit({put_workload(workload("a", "aaaaaaaaaa", 1, {{"x", "1"}}))});
  Watcher watch(f, 1, "x=1");
  f.commit({put_workload(workload("b", "bbbbbbbbbb", 2, {{"x", "2"}}))});
  f.commit({put_workload(workload("a", "aaaaaaaaaa", 3, {{"x", "2"}}))});
  CHECK(brief(watch.next()) == "DELETED a 3");
  f.commit({put_workload(workload("b", "bbbbbbbbbb", 4, {{"x", "1"}}))});
  CHECK(brief(watch.next()) == "ADDED b 4");
}

TEST_CASE("gateway: a position that is no longer kept is OUT_OF_RANGE and names the oldest") {
  Fixture f({3'600'000, 3});
  for (Revision r = 1; r <= 10; ++r) f.commit({put_workload(workload("a", "aaaaaaaaaa", r))});
  Watcher watch(f, 2);
  const auto status = watch.end();
  CHECK(status.error_code() == grpc::StatusCode::OUT_OF_RANGE);
  CHECK(status.error_message().find("oldest position is 7") != std::string::npos);
}

TEST_CASE("gateway: a watcher that does not read gets the present state, not every step to it") {
  Fixture f;
  f.commit({});
  Watcher watch(f, 1);
  const Revision last = 5001;
  auto big = workload("a", "aaaaaaaaaa", 2);
  big.spec.annotations["pad"] = std::string(4096, 'x');
  for (Revision r = 2; r <= last; ++r) {
    big.revision = r;
    f.commit({put_workload(big)});
  }
  std::size_t messages = 0;
  Watched reply;
  do {
    reply = watch.next();
    ++messages;
  } while (reply.revision() < last);
  CHECK(reply.workload().revision() == last);
  CHECK(messages < 2500);
}

TEST_CASE(
    "gateway: logs of a workload's replicas are merged by time, and credit comes back as the client reads") {
  Fixture f;
  f.commit({put_workload(workload("web", kUid.value, 1)), replica(0, "n1"), replica(1, "n2")});
  api::StreamLogsRequest request;
  request.set_workload("web");
  request.set_tail_lines(10);
  CallContext context;
  auto reader = f.stub->StreamLogs(&context, request);
  const auto one = opened(f, "n1");
  const auto two = opened(f, "n2");
  CHECK(std::get<LogQuery>(std::get<SessionOpen>(one.body).query).tail_lines == 10);
  answer(f, one, SessionData{0, {line(1, "1"), line(3, "3")}, {}, false});
  answer(f, two, SessionData{0, {line(2, "2"), line(4, "4")}, {}, false});
  answer(f, one, SessionEnd{});
  answer(f, two, SessionEnd{});
  std::string text;
  api::StreamLogsReply reply;
  while (reader->Read(&reply))
    for (const auto& l : reply.lines()) text += l.line() + "@" + l.replica_id().back() + " ";
  CHECK(reader->Finish().ok());
  CHECK(text == "1@0 2@1 3@0 4@1 ");
  CHECK(eventually([&] { return f.script.with([](Script& s) { return s.sinks_ended; }) == 2; }));
}

TEST_CASE("gateway: a client that does not read is granted nothing") {
  Fixture f;
  f.commit({put_workload(workload("web", kUid.value, 1)), replica(0, "n1")});
  api::StreamLogsRequest request;
  request.set_workload("web");
  request.set_follow(true);
  CallContext context;
  auto reader = f.stub->StreamLogs(&context, request);
  const auto session = opened(f, "n1");
  const auto credit = std::get<SessionOpen>(session.body).credit;
  std::uint64_t sent = 0;
  std::int64_t time = 0;
  // As an agent does: only as much as is granted. gRPC's own windows take some of it, then it stops.
  auto room = [&] { return credit + credit_granted(f, session.session) - sent; };
  const auto chunk = line(0, std::string(16 << 10, 'x'));
  bool stopped = false;
  while (!stopped && sent < (64u << 20)) {
    if (room() >= session_bytes(chunk)) {
      auto l = chunk;
      l.time_nanos = ++time;
      answer(f, session, SessionData{0, {l}, {}, false});
      sent += session_bytes(l);
    } else {
      const auto end = std::chrono::steady_clock::now() + 300ms;
      while (room() < session_bytes(chunk) && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(5ms);
      stopped = room() < session_bytes(chunk);
    }
  }
  CHECK(stopped);
  api::StreamLogsReply reply;
  REQUIRE(reader->Read(&reply));
  std::size_t lines = static_cast<std::size_t>(reply.lines_size());
  while (lines < static_cast<std::size_t>(time) && reader->Read(&reply))
    lines += static_cast<std::size_t>(reply.lines_size());
  CHECK(lines == static_cast<std::size_t>(time));
  CHECK(eventually([&] { return credit_granted(f, session.session) == sent; }));
  context.TryCancel();
  while (reader->Read(&reply)) {
  }
  reader->Finish();
  CHECK(eventually([&] { return f.script.with([](Script& s) { return s.sinks_ended; }) == 1; }));
}

TEST_CASE("gateway: following logs joins new replicas, and a broken session goes on where it stopped") {
  Fixture f;
  f.commit({put_workload(workload("web", kUid.value, 1)), replica(0, "n1")});
  api::StreamLogsRequest request;
  request.set_workload("web");
  request.set_follow(true);
  CallContext context;
  auto reader = f.stub->StreamLogs(&context, request);
  const auto first = opened(f, "n1");
  answer(f, first, SessionData{0, {line(5, "a"), line(7, "b")}, {}, false});
  answer(f, first, SessionEnd{{Errc::unavailable, "the agent is gone", {}}, 0, false, false});
  const auto again = opened(f, "n1", 1);
  const auto after = std::get<LogQuery>(std::get<SessionOpen>(again.body).query).after;
  CHECK(after == LogPosition{ContainerId{"c-1"}, 7});
  // The node's clock was set back meanwhile: no line is taken for an old one.
  answer(f, again, SessionData{0, {line(3, "c")}, {}, false, true});
  f.commit({replica(1, "n2")});
  const auto joined = opened(f, "n2");
  answer(f, joined, SessionData{0, {line(8, "d")}, {}, false, true});
  std::string text;
  api::StreamLogsReply reply;
  while (text.size() < 4 && reader->Read(&reply))
    for (const auto& l : reply.lines()) text += l.line();
  CHECK(text == "abcd");
  context.TryCancel();
  while (reader->Read(&reply)) {
  }
  reader->Finish();
}

TEST_CASE("gateway: a replica that has no node yet is followed all the same, until it is gone") {
  Fixture f;
  f.commit({put_workload(workload("web", kUid.value, 1)), replica(0, "", Phase::pending)});
  api::StreamLogsRequest request;
  request.set_replica_id(replica_id("web", kUid, 0).value);
  request.set_follow(true);
  CallContext context;
  auto reader = f.stub->StreamLogs(&context, request);
  f.commit({replica(0, "n1", Phase::assigned)});
  const auto early = opened(f, "n1");
  answer(f, early, SessionEnd{{Errc::not_found, "no log of it is kept on this node", {}}, 0, false, false});
  const auto session = opened(f, "n1", 1);
  answer(f, session, SessionData{0, {line(1, "first words")}, {}, false, true});
  api::StreamLogsReply reply;
  REQUIRE(reader->Read(&reply));
  CHECK(reply.lines(0).line() == "first words");
  answer(f, session, SessionEnd{});
  CHECK_FALSE(reader->Read(&reply));
  CHECK(reader->Finish().ok());
}

TEST_CASE("gateway: previous logs come of those replicas that have any, and none at all is NOT_FOUND") {
  Fixture f;
  f.commit({put_workload(workload("web", kUid.value, 1)), replica(0, "n1"), replica(1, "n2")});
  const SessionEnd none{{Errc::not_found, "no log of an attempt before the newest", {}}, 0, false, false};
  for (const bool one_has : {true, false}) {
    CAPTURE(one_has);
    api::StreamLogsRequest request;
    request.set_workload("web");
    request.set_previous(true);
    CallContext context;
    auto reader = f.stub->StreamLogs(&context, request);
    const auto nth = one_has ? 0 : 1;
    const auto first = opened(f, "n1", nth);
    CHECK(std::get<LogQuery>(std::get<SessionOpen>(first.body).query).previous);
    if (one_has) answer(f, first, SessionData{0, {line(1, "last words")}, {}, false});
    answer(f, first, one_has ? SessionEnd{} : none);
    answer(f, opened(f, "n2", nth), none);
    api::StreamLogsReply reply;
    CHECK(reader->Read(&reply) == one_has);
    if (one_has) CHECK_FALSE(reader->Read(&reply));
    const auto status = reader->Finish();
    CHECK(status.error_code() == (one_has ? grpc::StatusCode::OK : grpc::StatusCode::NOT_FOUND));
  }
}

TEST_CASE("gateway: lines of a replica do not wait long for one that is silent") {
  Fixture f;
  f.commit({put_workload(workload("web", kUid.value, 1)), replica(0, "n1"), replica(1, "n2")});
  api::StreamLogsRequest request;
  request.set_workload("web");
  request.set_follow(true);
  CallContext context;
  auto reader = f.stub->StreamLogs(&context, request);
  answer(f, opened(f, "n2"), SessionData{0, {}, {}, false, true});
  answer(f, opened(f, "n1"), SessionData{0, {line(1, "alone")}, {}, false, true});
  api::StreamLogsReply reply;
  REQUIRE(reader->Read(&reply));
  CHECK(reply.lines(0).line() == "alone");
  context.TryCancel();
  while (reader->Read(&reply)) {
  }
  reader->Finish();
}

TEST_CASE("gateway: logs of a node without a link end UNAVAILABLE and say why") {
  Fixture f;
  f.script.with([](Script& s) { s.refuse_sessions = true; });
  f.commit({put_workload(workload("web", kUid.value, 1)), replica(0, "n1")});
  api::StreamLogsRequest request;
  request.set_workload("web");
  CallContext context;
  auto reader = f.stub->StreamLogs(&context, request);
  api::StreamLogsReply reply;
  CHECK_FALSE(reader->Read(&reply));
  const auto status = reader->Finish();
  CHECK(status.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(status.error_message().find("node n1 has no link") != std::string::npos);
}

TEST_CASE("gateway: sessions end UNAVAILABLE when the hub that carries them ends") {
  Fixture f;
  f.commit({put_workload(workload("web", kUid.value, 1)), replica(0, "n1")});
  api::StreamLogsRequest request;
  request.set_workload("web");
  CallContext context;
  auto reader = f.stub->StreamLogs(&context, request);
  opened(f, "n1");
  caf::anon_send_exit(f.owners->now()->links, caf::exit_reason::kill);
  api::StreamLogsReply reply;
  CHECK_FALSE(reader->Read(&reply));
  CHECK(reader->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("gateway: an exec's output and exit code come back, both streams apart") {
  Fixture f;
  f.commit(
      {put_workload(workload("web", kUid.value, 1)), replica(0, "n1", Phase::starting), replica(1, "n2")});
  api::ExecCommandRequest request;
  request.set_workload("web");
  request.add_command("ls");
  request.set_stdin("input");
  api::ExecCommandReply reply;
  auto call = std::async(std::launch::async, [&] {
    CallContext context;
    return f.stub->ExecCommand(&context, request, &reply);
  });
  const auto session = opened(f, "n2");
  const auto& query = std::get<ExecQuery>(std::get<SessionOpen>(session.body).query);
  CHECK(query.command == std::vector<std::string>{"ls"});
  CHECK(query.stdin_data == "input");
  CHECK(query.container.value == "web-0123456789-1-1");
  answer(f, session, SessionData{0, {}, "out", false});
  answer(f, session, SessionData{1, {}, "err", true});
  answer(f, session, SessionData{2, {}, "put", false});
  CHECK(eventually([&] { return credit_granted(f, session.session) == 9; }));
  answer(f, session, SessionEnd{{Errc::none, {}, {}}, 3, false, false});
  REQUIRE(call.get().ok());
  CHECK(reply.stdout() == "output");
  CHECK(reply.stderr() == "err");
  CHECK(reply.exit_code() == 3);
}

TEST_CASE("gateway: an exec whose client leaves is cancelled") {
  Fixture f;
  f.commit({put_workload(workload("web", kUid.value, 1)), replica(0, "n1")});
  api::ExecCommandRequest request;
  request.set_workload("web");
  request.add_command("sleep");
  api::ExecCommandReply reply;
  CallContext context;
  auto call = std::async(std::launch::async, [&] { return f.stub->ExecCommand(&context, request, &reply); });
  opened(f, "n1");
  context.TryCancel();
  CHECK(call.get().error_code() == grpc::StatusCode::CANCELLED);
  CHECK(eventually([&] { return f.script.with([](Script& s) { return s.sinks_ended; }) == 1; }));
}
