#include "actors/scheduler/rebalance.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;
using scheduler::plan_rebalance;
using scheduler::RebalanceOptions;

namespace {

constexpr Millis kNow = 1000;

std::function<void(WorkloadSpec&)> alone_where_it_likes(std::int64_t cpu) {
  return [=](WorkloadSpec& s) {
    s.pod.requests = Resources{cpu, 1 << 20, 0, 0, 0};
    s.pod.placement.spread = Spread::none;
  };
}

/// Small replicas of their own workloads, one on each of a, b and c; a is half full already.
SnapshotBuilder scattered() {
  SnapshotBuilder world;
  for (const char* node : {"a", "b", "c"}) world.node(node);
  world.workload("big", alone_where_it_likes(500)).replica("big", SnapshotBuilder::running("a"));
  for (const char* node : {"b", "c"}) {
    const std::string name = std::string("on-") + node;
    world.workload(name, alone_where_it_likes(200)).replica(name, SnapshotBuilder::running(node));
  }
  return world;
}

}  // namespace

TEST_CASE("Rebalance packs what is scattered, the most useful move first, and then finds nothing to do") {
  auto world = scattered();
  const auto plan = plan_rebalance(world.view(), {}, kNow);
  CHECK(plan.considered == 3);
  REQUIRE(plan.moves.size() == 2);
  std::int32_t before = 1 << 30;
  for (const auto& move : plan.moves) {
    CHECK(move.to.value == "a");
    const auto gain = move.to_terms.total() - move.from_terms.total();
    CHECK(gain >= RebalanceOptions{}.min_gain);
    CHECK(move.lacks.empty());
    before = gain;
    world.change_replica(move.replica, [](Replica& r) { r.node = NodeId{"a"}; });
  }
  CHECK(before > 0);
  CHECK(plan_rebalance(world.view(), {}, kNow).moves.empty());
}

TEST_CASE("Rebalance keeps to its budget, its namespace and its least gain") {
  const auto world = scattered();
  RebalanceOptions options;
  SUBCASE("budget") {
    options.budget = 1;
    CHECK(plan_rebalance(world.view(), options, kNow).moves.size() == 1);
  }
  SUBCASE("namespace") {
    options.ns = "other";
    const auto plan = plan_rebalance(world.view(), options, kNow);
    CHECK(plan.considered == 0);
    CHECK(plan.moves.empty());
  }
  SUBCASE("least gain") {
    options.min_gain = 1'000'000;
    CHECK(plan_rebalance(world.view(), options, kNow).moves.empty());
  }
}

TEST_CASE("A replica whose node breaks a rule is moved first, whatever its score; a cordon breaks none") {
  auto world = scattered();
  world.node("b", [](Node& n) { n.taints = {{"dedicated", "gpu", TaintEffect::no_schedule}}; });
  world.node("c", [](Node& n) { n.cordoned = true; });
  RebalanceOptions options;
  options.min_gain = 1'000'000;
  const auto plan = plan_rebalance(world.view(), options, kNow);
  REQUIRE(plan.moves.size() == 1);
  CHECK(plan.moves[0].from.value == "b");
  REQUIRE(plan.moves[0].lacks.size() == 1);
  CHECK(plan.moves[0].lacks[0].find("dedicated") != std::string::npos);
}

TEST_CASE(
    "Rebalance leaves alone what leaves, what moves already, what runs to completion and what is in doubt") {
  auto world = scattered();
  SUBCASE("leaving") {
    world.change_replica(SnapshotBuilder::id("on-b", 0), [](Replica& r) { r.stop = StopCause::scale; });
    world.change_replica(SnapshotBuilder::id("on-c", 0), [](Replica& r) { r.evict = StopCause::rebalance; });
  }
  SUBCASE("jobs") {
    const auto job = [](WorkloadSpec& s) { s.pod.restart.mode = RestartMode::never; };
    world.workload("on-b", job).workload("on-c", job);
  }
  SUBCASE("nodes in doubt") {
    for (const char* node : {"b", "c"}) world.node(node, [](Node& n) { n.state = NodeState::suspect; });
  }
  for (const auto& move : plan_rebalance(world.view(), {}, kNow).moves)
    CHECK(move.replica == SnapshotBuilder::id("big", 0));
}

TEST_CASE("What is moved is what its replacement, which starts first, would not put beside it again") {
  SnapshotBuilder world;
  for (const char* node : {"a", "b"}) world.node(node);
  world.workload("small", alone_where_it_likes(300)).replica("small", SnapshotBuilder::running("a"));
  world.workload("big", alone_where_it_likes(400)).replica("big", SnapshotBuilder::running("b"));
  // Two of big on b are fuller than one beside small on a; two of small on a are not as full as one on b.
  const auto plan = plan_rebalance(world.view(), {}, kNow);
  REQUIRE(plan.moves.size() == 1);
  CHECK(plan.moves[0].replica == SnapshotBuilder::id("small", 0));
  CHECK(plan.moves[0].to.value == "b");
}
