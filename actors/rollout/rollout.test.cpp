#include "actors/rollout/rollout.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

WorkloadUid added_for(const ProposalItem& item) {
  return std::get<AddReplicas>(item).workload;
}

}  // namespace

TEST_CASE("After a load every workload is looked at, in turns within the limit") {
  SnapshotBuilder world;
  world.workload("aa").workload("bb").workload("cc");
  rollout::Rollout rollout;
  rollout.load(world.share());
  const auto first = rollout.propose(2, 1), second = rollout.propose(2, 1);
  REQUIRE(first.size() == 2);
  REQUIRE(second.size() == 2);
  CHECK(added_for(first[0]) == SnapshotBuilder::uid("aa"));
  CHECK(added_for(first[1]) == SnapshotBuilder::uid("bb"));
  CHECK(added_for(second[0]) == SnapshotBuilder::uid("cc"));
  CHECK(added_for(second[1]) == SnapshotBuilder::uid("aa"));
}

TEST_CASE("What touches a workload makes it looked at again: its record, its replicas, its nodes") {
  SnapshotBuilder world;
  world.node("a").workload("web").replica("web", SnapshotBuilder::running("a"));
  rollout::Rollout rollout;
  rollout.load(world.share());
  CHECK(rollout.propose(10, 1).empty());
  const auto after = [&](auto act) {
    act();
    rollout.apply({world.commits().back()}, world.share());
    return rollout.propose(10, 1);
  };
  CHECK(after([&] { world.node("b"); }).empty());
  CHECK(after([&] { world.node("a", [](Node& n) { n.state = NodeState::offline; }); }).size() == 1);
  CHECK(after([&] { world.node("a", [](Node& n) { n.state = NodeState::ready; }); }).empty());
  CHECK(after([&] { world.workload("web", [](WorkloadSpec& s) { s.replicas = 2; }); }).size() == 1);
  CHECK(after([&] { world.replica("web"); }).empty());
  CHECK(after([&] {
          world.change_replica(SnapshotBuilder::id("web", 1), SnapshotBuilder::ended(Phase::lost));
        }).size() == 1);
}

TEST_CASE("A workload stays looked at until nothing is left to do for it") {
  SnapshotBuilder world;
  world.workload("web");
  rollout::Rollout rollout;
  rollout.load(world.share());
  CHECK(rollout.propose(10, 1).size() == 1);
  CHECK(rollout.propose(10, 1).size() == 1);
  world.replica("web");
  rollout.apply({world.commits().back()}, world.share());
  CHECK(rollout.propose(10, 1).empty());
}
