#include "actors/scheduler/pass.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "actors/scheduler/pass_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;
using cloudless::test::SnapshotBuilder;

TEST_CASE_FIXTURE(PassTest, "A replica without a place has others stopped, keeps their place, and takes it") {
  world.node("a")
      .workload("low", spec_of(400, 1))
      .workload("high", spec_of(700, 2))
      .workload("mid", spec_of(300, 1));
  world.replica("low", SnapshotBuilder::running("a")).replica("low", SnapshotBuilder::running("a"));
  world.replica("high");
  CHECK(step() == Steps{stop("low", 0, "high", 0), stop("low", 1, "high", 0)});
  CHECK(reason("high") == "waits on node a for 2 replicas of lower priority to end");
  CHECK(step().empty());  // nobody else is asked to go
  world.replica("mid").replica("mid");
  CHECK(step().empty());
  ends("low", 0);
  CHECK(step().empty());  // 600 are free, and not for those of lower priority
  CHECK(reason("high") == "waits on node a for 1 replica of lower priority to end");
  ends("low", 1);
  CHECK(step() == Steps{assign("high", 0, "a"), assign("mid", 0, "a")});
  CHECK(step().empty());
}

TEST_CASE_FIXTURE(PassTest, "Who was evicted, or is equal, evicts nobody: it waits, and says why") {
  world.node("a").workload("low", spec_of(600, 1)).workload("high", spec_of(700, 2));
  world.replica("low", SnapshotBuilder::running("a")).replica("high");
  step();
  ends("low", 0);
  world.replica("low").replica("high");
  CHECK(step() == Steps{assign("high", 0, "a")});
  for (int i = 0; i < 20; ++i) {
    now += 1000;
    scheduler.look_at_everything();
    CHECK(step().empty());
  }
  CHECK(reason("low", 1).starts_with("no node fits: 1 of 1 node lacks cpu"));
  CHECK(reason("high", 1).starts_with("no node fits: 1 of 1 node lacks cpu"));
}

TEST_CASE_FIXTURE(PassTest, "A node that becomes unfit while its replicas stop is given up for another") {
  world.node("a", [](Node& n) { n.ordinal = 1; }).node("b", [](Node& n) { n.ordinal = 2; });
  world.workload("low", spec_of(900, 1)).workload("high", spec_of(700, 2));
  world.replica("low", SnapshotBuilder::running("a")).replica("low", SnapshotBuilder::running("b"));
  world.replica("high");
  CHECK(step() == Steps{stop("low", 0, "high", 0)});
  world.node("a", [](Node& n) { n.cordoned = true; });
  CHECK(step() == Steps{stop("low", 1, "high", 0)});
  world.node("a", [](Node& n) { n.cordoned = false; });
  CHECK(step().empty());
  ends("low", 1);
  CHECK(step() == Steps{assign("high", 0, "b")});
}

TEST_CASE_FIXTURE(PassTest,
                  "Room that is being made is taken by whoever stands before in the order, not after") {
  world.node("a")
      .workload("low", spec_of(900, 1))
      .workload("high", spec_of(700, 2))
      .workload("top", spec_of(800, 3));
  world.replica("low", SnapshotBuilder::running("a")).replica("high");
  step();
  world.replica("top");
  CHECK(step().empty());  // it needs nobody else to stop either
  CHECK(reason("top") == "waits on node a for what is stopping there to end");
  CHECK(step().empty());
  CHECK(reason("high").starts_with("no node fits"));
  ends("low", 0);
  CHECK(step() == Steps{assign("top", 0, "a")});
  CHECK(step().empty());
}

TEST_CASE_FIXTURE(PassTest, "Each of several replicas has its own victims, no more than a pass may name") {
  for (int n = 0; n < 6; ++n) {
    world.node("n" + std::to_string(n), [&](Node& node) { node.ordinal = static_cast<std::uint64_t>(n); });
  }
  world.workload("low", spec_of(400, 1)).workload("high", spec_of(900, 2));
  for (int n = 0; n < 6; ++n)
    for (int i = 0; i < 2; ++i) world.replica("low", SnapshotBuilder::running("n" + std::to_string(n)));
  for (int i = 0; i < 4; ++i) world.replica("high");
  const auto items = propose(5);
  std::set<ReplicaId> victims;
  for (const auto& item : items)
    if (const auto* stop = std::get_if<StopReplica>(&item)) victims.insert(stop->replica);
  CHECK(victims.size() == 4);  // a third pair would be six
  CHECK(step().size() == 8);
  std::set<std::string> nodes;
  for (std::uint64_t i = 0; i < 4; ++i) nodes.insert(reason("high", i));
  CHECK(nodes.size() == 4);
  CHECK(step().empty());
}

TEST_CASE_FIXTURE(PassTest,
                  "Where only the floors forbid it the reason says so, and it goes on when they allow it") {
  world.node("a").workload("low", spec_of(450, 1, 2)).workload("high", spec_of(900, 2));
  world.replica("low", SnapshotBuilder::running("a")).replica("low", SnapshotBuilder::running("a"));
  world.replica("high");
  CHECK(step().empty());
  CHECK(reason("high").starts_with(
      "2 replicas of lower priority on node a could make room, but the availability of their workloads does "
      "not allow it now; no node fits: 1 of 1 node lacks cpu"));
  CHECK(step().empty());
  world.workload("low", [](WorkloadSpec& s) { s.rollout.min_available = 0; });
  CHECK(step().empty());  // it has just been looked for
  REQUIRE(scheduler.wake_at() == now + 1000);
  now += 1000;
  CHECK(step() == Steps{stop("low", 0, "high", 0), stop("low", 1, "high", 0)});
}

TEST_CASE_FIXTURE(PassTest,
                  "Searches of many versions on many nodes are spread over passes that follow at once") {
  for (int n = 0; n < 1000; ++n) world.node("n" + std::to_string(n));
  world.workload("low", spec_of(900, 1));
  for (int n = 0; n < 1000; ++n) world.replica("low", SnapshotBuilder::running("n" + std::to_string(n)));
  for (int i = 11; i < 60; ++i) {
    if (i % 10 == 0) continue;  // its uid would be that of another
    const std::string name = "w" + std::to_string(i);
    world.workload(name, spec_of(600, 2)).replica(name);
  }
  std::vector<std::size_t> stops;
  for (int i = 0; i < 4; ++i) {
    stops.push_back(step().size());
    CHECK(scheduler.wake_at() == (i < 2 ? std::optional<Millis>(now) : std::nullopt));
  }
  CHECK(stops == std::vector<std::size_t>{20, 20, 5, 0});
}

TEST_CASE_FIXTURE(PassTest, "Nobody gets a place that rests on a stop which the owner has not accepted yet") {
  const auto away_from_low = [](std::uint32_t priority) {
    return [=](WorkloadSpec& s) {
      spec_of(100, priority)(s);
      s.pod.placement.anti_affinity = {{Topology::node, true, {{"app", "low"}}, {}, 1}};
    };
  };
  world.node("a").workload("low", [](WorkloadSpec& s) {
    spec_of(100, 1)(s);
    s.labels["app"] = "low";
  });
  world.replica("low", SnapshotBuilder::running("a"));
  world.workload("high", away_from_low(9)).replica("high");
  world.workload("mid", away_from_low(5)).replica("mid");
  world.workload("free", spec_of(100, 1)).replica("free");
  CHECK(step() == Steps{stop("low", 0, "high", 0), assign("free", 0, "a")});
  CHECK(step() == Steps{assign("high", 0, "a"), assign("mid", 0, "a")});
}

TEST_CASE_FIXTURE(PassTest,
                  "Nobody gets a place from which one that is told to stop keeps it away until then") {
  world.node("a").node("b").workload("low", [](WorkloadSpec& s) {
    spec_of(100, 1)(s);
    s.pod.placement.anti_affinity = {{Topology::zone, true, {{"app", "high"}}, {}, 1}};
  });
  world.replica("low", SnapshotBuilder::running("a"));
  world.workload("high", [](WorkloadSpec& s) {
    spec_of(100, 9)(s);
    s.labels["app"] = "high";
  });
  world.replica("high").replica("high");
  world.workload("free", spec_of(100, 1)).replica("free");
  CHECK(step() == Steps{stop("low", 0, "high", 0), assign("free", 0, "a")});
  CHECK(step().size() == 2);
}

TEST_CASE_FIXTURE(PassTest, "A place that is kept for somebody is no company yet for those that need some") {
  world.node("a").workload("low", spec_of(950, 1)).replica("low", SnapshotBuilder::running("a"));
  world.node("b").workload("high", [](WorkloadSpec& s) {
    spec_of(1000, 9)(s);
    s.labels["app"] = "high";
  });
  world.workload("full", spec_of(900, 20)).replica("full", SnapshotBuilder::running("b"));
  world.replica("high");
  world.workload("friend", [](WorkloadSpec& s) {
    spec_of(50, 5)(s);
    s.pod.placement.affinity = {{Topology::zone, true, {{"app", "high"}}, {}, 1}};
  });
  world.replica("friend");
  // Nobody else has to wait for that, however long the stop takes and however small a proposal is.
  world.workload("loner", [](WorkloadSpec& s) {
    spec_of(10, 1)(s);
    s.labels["app"] = "loner";
    s.pod.placement.affinity = {{Topology::zone, true, {{"app", "loner"}}, {}, 1}};
  });
  CHECK(step() == Steps{stop("low", 0, "high", 0)});
  CHECK(step().empty());
  CHECK(reason("friend") ==
        "would fit on node b; waits for replicas that its rules depend on to stop or start");
  world.replica("loner");
  limit = 1;
  CHECK(step() == Steps{assign("loner", 0, "b")});
  limit = 100;
  ends("low", 0);
  CHECK(step() == Steps{assign("high", 0, "a"), assign("friend", 0, "b")});
}
