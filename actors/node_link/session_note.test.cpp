#include "actors/node_link/session_note.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

namespace cloudless::node_link {

TEST_CASE("a session becomes an event that says who did what where, how it ended and how long it took") {
  test::SnapshotBuilder world;
  world.node("n1").workload("web").replica("web", test::SnapshotBuilder::running("n1"));
  const auto id = test::SnapshotBuilder::id("web", 0);
  ExecQuery exec;
  exec.replica = id;
  exec.command = {"sh", "-c", "echo \"hi\"\n"};
  exec.terminal = true;
  const auto note = note_of({NodeId{"n1"}, exec, 0, "ann"}, world.view(), 1000);
  REQUIRE(note);
  const auto event = event_of(*note, words_of(*note, SessionEnd{{Errc::none, {}, {}}, 3}), 3500, 77);
  CHECK(event.kind == "CommandRan");
  CHECK(event.message == R"(ann ran "sh" "-c" "echo \"hi\"?" with a terminal: exit code 3 after 2.500 s)");
  CHECK(event.ns == "default");
  CHECK(event.workload == "web");
  CHECK(event.replica == id);
  CHECK(event.node == NodeId{"n1"});
  CHECK(event.time == 77);
}

TEST_CASE("how a session ended is in words") {
  const Snapshot nothing{};
  const auto command = *note_of({NodeId{"n"}, ExecQuery{}, 0, {}}, nothing, 0);
  const auto copy = *note_of({NodeId{"n"}, CopyQuery{{}, {}, "/a", true}, 0, {}}, nothing, 0);
  CHECK(words_of(command, SessionEnd{}) == "exit code 0");
  CHECK(words_of(command, SessionEnd{{Errc::none, {}, {}}, 137, true}) == "killed at its time limit");
  CHECK(words_of(command, SessionEnd{{Errc::not_found, "no such thing", {}}}) == "no such thing");
  CHECK(words_of(copy, SessionEnd{}) == "done");
  CHECK(copy.event.message == "somebody copied files to \"/a\"");
  CHECK_FALSE(note_of({NodeId{"n"}, LogQuery{}, 0, {}}, nothing, 0));
}

TEST_CASE("an event shows a long command cut") {
  ExecQuery exec;
  exec.command = {"sh", std::string(100'000, 'x')};
  exec.command.resize(250, "more");
  const auto note = note_of({NodeId{"n"}, exec, 0, "ann"}, Snapshot{}, 0);
  CHECK(note->event.message.size() < 2 * kCommandShown + 100);
}

}  // namespace cloudless::node_link
