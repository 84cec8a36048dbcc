#include "actors/scheduler/object_scheduler.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;
using cloudless::test::SnapshotBuilder;

TEST_CASE("The best node and the one after it are named, each with its terms") {
  SnapshotBuilder world;
  world.node("a", [](Node& n) { n.recent_losses = 2; }).node("b", [](Node& n) { n.recent_losses = 1; });
  world.node("c").node("d", [](Node& n) { n.cordoned = true; });
  world.workload("web").replica("web");
  Model model;
  model.load(world.view());
  const auto choices = choose(demand_of(model, {SnapshotBuilder::uid("web"), 0}, 1));
  REQUIRE(choices.best.has_value());
  REQUIRE(choices.second.has_value());
  CHECK(choices.best->node.value == "c");
  CHECK(choices.second->node.value == "b");
  CHECK(choices.best->terms.total() - choices.second->terms.total() == 200 * 250);
}

TEST_CASE("Where nothing fits nothing is chosen") {
  SnapshotBuilder world;
  world.workload("web").replica("web");
  Model model;
  model.load(world.view());
  const auto choices = choose(demand_of(model, {SnapshotBuilder::uid("web"), 0}, 1));
  CHECK_FALSE(choices.best.has_value());
  CHECK_FALSE(choices.second.has_value());
}
