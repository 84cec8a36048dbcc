#include "actors/scheduler/inventory.hpp"

#include <doctest/doctest.h>

#include <random>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;
using cloudless::test::SnapshotBuilder;

namespace {

void check_same(const Inventory& a, const Inventory& b) {
  REQUIRE(a.nodes().size() == b.nodes().size());
  for (const auto& [id, room] : a.nodes()) {
    REQUIRE(b.nodes().contains(id));
    const auto& other = b.nodes().at(id);
    CHECK(room.node == other.node);
    CHECK(room.reserved == other.reserved);
    CHECK(room.replicas == other.replicas);
    CHECK(room.host_ports == other.host_ports);
  }
  CHECK(a.pending() == b.pending());
}

void random_step(SnapshotBuilder& world, std::mt19937_64& random) {
  const auto pick = [&](std::uint64_t n) { return random() % n; };
  const std::string name = std::string("w") + std::to_string(pick(3));
  const std::string node = std::string("n") + std::to_string(pick(3));
  if (!world.view().workload(SnapshotBuilder::uid(name))) {
    world.workload(name, [&](WorkloadSpec& s) {
      s.pod.requests.cpu_millicores = static_cast<std::int64_t>(pick(300));
      s.pod.ports = {{"p", 80, Protocol::tcp, static_cast<std::uint16_t>(pick(3))}};
      s.pod.host_network = pick(4) == 0;
    });
    return;
  }
  const auto replicas = world.view().replicas_of(SnapshotBuilder::uid(name));
  switch (pick(6)) {
    case 0:
      world.replica(name);
      return;
    case 1:
      world.node(node, [&](Node& n) { n.cordoned = pick(2) == 0; });
      return;
    case 2:
      world.commit({erase(node_key(NodeId{node}))});
      return;
    case 3:
      if (!replicas.empty()) world.commit({erase(replica_key(replicas[pick(replicas.size())]->id))});
      return;
    default:
      break;
  }
  if (replicas.empty()) return;
  world.change_replica(replicas[pick(replicas.size())]->id, [&](Replica& r) {
    if (r.node.empty()) {
      r.node = NodeId{node};
      r.phase = Phase::assigned;
    } else if (pick(2) == 0) {
      r.stop = StopCause::scale;
    } else {
      r.phase = Phase::stopped;
    }
  });
}

}  // namespace

TEST_CASE("An inventory kept commit by commit is the one that a fresh load makes") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    SnapshotBuilder world;
    Inventory kept;
    kept.load(world.view());
    std::size_t seen = 0;
    for (int step = 0; step < 120; ++step) {
      random_step(world, random);
      for (; seen < world.commits().size(); ++seen) kept.apply(world.commits()[seen], world.view());
      Inventory fresh;
      fresh.load(world.view());
      check_same(kept, fresh);
    }
  }
}

TEST_CASE("A replica that is told to stop keeps its room but no longer counts for the spread") {
  SnapshotBuilder world;
  world.node("a").workload("web").replica("web", SnapshotBuilder::running("a"));
  world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) { r.stop = StopCause::scale; });
  Inventory inventory;
  inventory.load(world.view());
  const auto& room = inventory.nodes().at(NodeId{"a"});
  CHECK(room.reserved.cpu_millicores == 100);
  CHECK(room.replicas.empty());
}
