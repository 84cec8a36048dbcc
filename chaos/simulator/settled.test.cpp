#include "chaos/simulator/settled.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

const ReplicaId kFirst = SnapshotBuilder::id("web", 0);

/// Workload "web" with one replica that serves on node a, and its container.
SnapshotBuilder serving() {
  SnapshotBuilder world;
  world.node("a").workload("web").replica("web", SnapshotBuilder::running("a"));
  return world;
}
const sim::Running kRunning{{NodeId{"a"}, {kFirst}}};

bool settled(const SnapshotBuilder& world, const sim::Running& running = kRunning,
             const std::set<NodeId>& gone = {}) {
  return !sim::unsettled(world.view(), running, gone);
}

}  // namespace

TEST_CASE("What is as desired is settled") {
  CHECK(settled(serving()));
}

TEST_CASE("Everything that is not as desired is noticed") {
  CHECK_FALSE(settled(serving(), {{NodeId{"a"}, {}}}));
  CHECK_FALSE(settled(serving(), {{NodeId{"a"}, {kFirst, kFirst}}}));
  CHECK_FALSE(settled(serving(), {{NodeId{"a"}, {kFirst}}, {NodeId{"b"}, {kFirst}}}));
  const std::vector<std::function<void(SnapshotBuilder&)>> changes{
      [](SnapshotBuilder& w) { w.workload("web", [](WorkloadSpec& s) { s.replicas = 2; }); },
      [](SnapshotBuilder& w) { w.workload("web", [](WorkloadSpec& s) { s.replicas = 0; }); },
      [](SnapshotBuilder& w) { w.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; }); },
      [](SnapshotBuilder& w) { w.node("a", [](Node& n) { n.state = NodeState::suspect; }); },
      [](SnapshotBuilder& w) { w.change_replica(kFirst, [](Replica& r) { r.ready = false; }); },
      [](SnapshotBuilder& w) { w.change_replica(kFirst, [](Replica& r) { r.stop = StopCause::scale; }); },
      [](SnapshotBuilder& w) { w.remove_workload("web"); },
      [](SnapshotBuilder& w) {
        for (int i = 0; i < 6; ++i)
          w.replica("web", SnapshotBuilder::ended(Phase::stopped, StopCause::scale));
      },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    auto world = serving();
    changes[i](world);
    CHECK_FALSE(settled(world));
  }
}

TEST_CASE("A pending replica is fine only if it says why and truly fits nowhere") {
  auto world = serving();
  world.workload("web", [](WorkloadSpec& s) { s.replicas = 2; });
  world.replica("web");
  CHECK_FALSE(settled(world));
  world.change_replica(SnapshotBuilder::id("web", 1), [](Replica& r) { r.reason = "no node fits"; });
  CHECK_FALSE(settled(world));
  world.node("a", [](Node& n) { n.cordoned = true; });
  CHECK(settled(world));
}

TEST_CASE("What was deleted may wait for a machine that is gone, and only for that") {
  auto world = serving();
  world.remove_workload("web");
  world.change_replica(kFirst, [](Replica& r) { r.stop = StopCause::deleted; });
  world.node("a", [](Node& n) { n.state = NodeState::offline; });
  CHECK(settled(world, {}, {NodeId{"a"}}));
  CHECK_FALSE(settled(world, {}, {}));
}

TEST_CASE("A failed rollout may end well as long as all of it runs, on nodes that are there") {
  auto world = serving();
  Workload w = *world.view().workload(SnapshotBuilder::uid("web"));
  w.rollout = 1;
  Rollout failed;
  failed.workload = w.uid;
  failed.state = RolloutState::failed;
  world.commit({put(std::make_shared<const Workload>(w)), put(std::make_shared<const Rollout>(failed))});
  CHECK_FALSE(settled(world));
  world.node("a", [](Node& n) { n.state = NodeState::offline; });
  world.replica("web").change_replica(SnapshotBuilder::id("web", 1),
                                      [](Replica& r) { r.reason = "no node fits"; });
  CHECK(settled(world, {}, {NodeId{"a"}}));
}
