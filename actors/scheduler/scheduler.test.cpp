#include "actors/scheduler/scheduler.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

TEST_CASE("The scheduler explains a pending replica once, and again only when the reason changed") {
  SnapshotBuilder world;
  world.workload("web").replica("web");
  scheduler::Scheduler scheduler;
  scheduler.load(world.share());
  const std::vector<ProposalItem> wanted{
      ExplainPending{SnapshotBuilder::id("web", 0), "no node has registered"}};
  CHECK(scheduler.propose(100, 1) == wanted);
  world.change_replica(SnapshotBuilder::id("web", 0),
                       [](Replica& r) { r.reason = "no node has registered"; });
  scheduler.apply({world.commits().back()}, world.share());
  CHECK(scheduler.propose(100, 1).empty());
  world.node("a", [](Node& n) { n.cordoned = true; });
  scheduler.apply({world.commits().back()}, world.share());
  CHECK(scheduler.propose(100, 1) == std::vector<ProposalItem>{ExplainPending{
                                         SnapshotBuilder::id("web", 0), "no node fits: 1 is cordoned"}});
}

TEST_CASE("Assignments come before reasons, and the oldest replica first") {
  SnapshotBuilder world;
  world.node("a").workload("aa").workload("zz").workload(
      "huge", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 5000; });
  world.replica("huge", [](Replica& r) { r.created_at = 1; });
  world.replica("aa", [](Replica& r) { r.created_at = 3; });
  world.replica("zz", [](Replica& r) { r.created_at = 2; });
  scheduler::Scheduler scheduler;
  scheduler.load(world.share());
  const auto items = scheduler.propose(100, 1);
  REQUIRE(items.size() == 3);
  CHECK(std::get<AssignReplica>(items[0]).replica == SnapshotBuilder::id("zz", 0));
  CHECK(std::get<AssignReplica>(items[1]).replica == SnapshotBuilder::id("aa", 0));
  CHECK(std::get<ExplainPending>(items[2]).replica == SnapshotBuilder::id("huge", 0));
}

TEST_CASE("The scheduler proposes no more than it is allowed") {
  SnapshotBuilder world;
  world.node("a").workload("web", [](WorkloadSpec& s) { s.pod.requests = Resources{1, 1, 0, 0, 0}; });
  for (int i = 0; i < 7; ++i) world.replica("web");
  scheduler::Scheduler scheduler;
  scheduler.load(world.share());
  CHECK(scheduler.propose(3, 1).size() == 3);
}
