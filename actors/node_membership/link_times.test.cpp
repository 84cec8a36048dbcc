#include "actors/node_membership/link_times.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

namespace cloudless::node_membership {
namespace {

const NodeId kNode{"n1"};

TEST_CASE(
    "a round trip is another one if it differs by a quarter of the longer one and by two milliseconds") {
  const struct {
    std::uint32_t recorded, measured;
    bool another;
  } cases[] = {{0, 0, false},   {0, 1, false},  {1, 0, false},         {0, 2, true},    {2, 0, true},
               {3, 4, false},   {8, 10, false}, {8, 11, true},         {40, 31, false}, {40, 30, true},
               {40, 53, false}, {40, 54, true}, {100, 0, true},        {100, 75, true}, {100, 76, false},
               {1, 2, false},   {5, 3, true},   {4000000000u, 0, true}};
  for (const auto& c : cases) {
    CAPTURE(c.recorded);
    CAPTURE(c.measured);
    CHECK(is_another_round_trip(c.recorded, c.measured) == c.another);
  }
}

/// A tick every second, in which a lease said what it says.
struct Ticks {
  test::SnapshotBuilder world;
  LinkTimes times;
  Millis now = 5000;
  std::size_t commits = 0;

  Ticks() { world.node("n1"); }
  void hear(std::uint32_t rtt_ms, Millis seconds) {
    for (Millis second = 0; second < seconds; ++second) {
      times.heard(kNode, rtt_ms);
      tick();
    }
  }
  void tick() {
    now += 1000;
    owner::Plan plan(world.view());
    const auto changed = times.changes(plan, now, world.view().revision() + 1);
    for (auto& unit : plan.take_units()) world.commit(unit.changes);
    commits += changed.size();
  }
  std::uint32_t recorded() const { return world.view().node(kNode)->link_rtt_ms; }
};

TEST_CASE("a round trip is recorded when leases have agreed on it for ten seconds, and not before") {
  Ticks on;
  on.hear(40, 10);
  CHECK(on.recorded() == 0);
  on.hear(40, 1);
  CHECK(on.recorded() == 40);
  CHECK(on.commits == 1);
  on.hear(45, 100);
  CHECK(on.commits == 1);
  on.hear(90, 5);
  on.hear(40, 1);  // it was nothing
  on.hear(90, 10);
  CHECK(on.recorded() == 40);
  on.hear(90, 1);
  CHECK(on.recorded() == 90);
  on.hear(0, 11);
  CHECK(on.recorded() == 0);
}

TEST_CASE("a round trip that never rests is recorded at most once in ten seconds") {
  Ticks on;
  for (int i = 0; i < 100; ++i) on.hear(i % 2 == 0 ? 500 : 90, 1);
  CHECK(on.commits <= 10);
}

TEST_CASE("schedulable_revision stays, the record's own revision moves") {
  Ticks on;
  const auto before = on.world.view().node(kNode);
  on.hear(40, 11);
  const auto after = on.world.view().node(kNode);
  CHECK(after->revision > before->revision);
  CHECK(after->schedulable_revision == before->schedulable_revision);
}

TEST_CASE("what was said of a node that is gone, OFFLINE or SUSPECT changes nothing") {
  for (const NodeState state : {NodeState::offline, NodeState::suspect}) {
    Ticks on;
    on.hear(40, 5);
    on.world.node("n1", [&](Node& node) { node.state = state; });
    on.hear(40, 20);
    CHECK(on.commits == 0);
    on.world.node("n1", [](Node& node) { node.state = NodeState::ready; });
    on.hear(40, 10);
    CHECK(on.commits == 0);
    on.hear(40, 1);
    CHECK(on.commits == 1);
  }
  Ticks on;
  on.times.heard(NodeId{"nobody"}, 40);
  for (int i = 0; i < 20; ++i) on.tick();
  CHECK(on.commits == 0);
}

}  // namespace
}  // namespace cloudless::node_membership
