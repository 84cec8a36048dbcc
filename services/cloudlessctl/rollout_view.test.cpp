#include "services/cloudlessctl/rollout_view.hpp"

#include <doctest/doctest.h>

namespace cloudless::cli {
namespace {

api::Rollout going() {
  api::Rollout out;
  out.set_namespace_("default");
  out.set_name("web");
  out.set_number(3);
  out.set_from_version(2);
  out.set_to_version(3);
  out.set_phase(api::Rollout::IN_PROGRESS);
  out.set_wanted(4);
  out.set_updated(1);
  out.set_available(4);
  out.set_min_available(3);
  out.set_waiting_for("waiting for web-4 to become ready: HTTP 503 from /ready for 41 s; deadline in 19 s");
  return out;
}

}  // namespace

TEST_CASE("a rollout is one line with its counts and what it waits for, or why it is over") {
  auto rollout = going();
  CHECK(rollout_line(rollout) ==
        "rollout 3: IN_PROGRESS, 1 of 4 updated, 4 available: " + rollout.waiting_for());
  rollout.set_phase(api::Rollout::FAILED);
  rollout.mutable_ended_at()->set_seconds(1);
  rollout.set_reason("image not found");
  CHECK(rollout_line(rollout) == "rollout 3: FAILED: image not found");
}

TEST_CASE("two lines that differ in durations only say the same") {
  CHECK(key_of_line("ready for 41 s; deadline in 19 s") == key_of_line("ready for 7 s; deadline in 5 min"));
  CHECK(key_of_line("HTTP 503 for 1 s") != key_of_line("HTTP 500 for 1 s"));
  CHECK(key_of_line("web-3 stops") != key_of_line("web-4 stops"));
  CHECK(key_of_line("1 of 4 updated") != key_of_line("2 of 4 updated"));
}

TEST_CASE("progress is drawn with bars, and no line is longer than the terminal") {
  const auto lines = rollout_block(going(), 60);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "rollout 3 of default/web, version 2 -> 3: IN_PROGRESS");
  CHECK(lines[1] == "  updated   [######..................] 1/4");
  CHECK(lines[2] == "  available [########################] 4/4, at least 3");
  CHECK(lines[3].ends_with("..."));
  for (const auto& line : lines) CHECK(line.size() <= 60);
}

TEST_CASE("a difference shows changed lines with what is around them") {
  CHECK(text_diff("a\nb\n", "a\nb\n").empty());
  CHECK(text_diff("a\nb\nc\n", "a\nB\nc\n") == " a\n-b\n+B\n c\n");
  CHECK(text_diff("", "a\n") == "+a\n");
  CHECK(text_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\nX\n") ==
        "...\n 6\n 7\n 8\n-9\n+X\n");
}

TEST_CASE("a drain shows what holds up each replica, and how many more there are") {
  api::Node node;
  node.set_id("n1");
  CHECK(drain_line(node) == "not draining");
  node.set_draining(true);
  node.mutable_drain()->set_replicas_left(3);
  for (const char* id : {"a", "b", "c"}) {
    auto& left = *node.mutable_drain()->add_left();
    left.set_replica_id(id);
    left.set_waiting_for("waiting for its turn to stop");
  }
  const auto lines = drain_block(node, 80, 2);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "node n1: 3 replicas left");
  CHECK(lines[1] == "  a: waiting for its turn to stop");
  CHECK(lines[3] == "  and 1 more");
}

}  // namespace cloudless::cli
