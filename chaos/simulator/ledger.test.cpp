#include "chaos/simulator/ledger.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

const ReplicaId kFirst = SnapshotBuilder::id("web", 0);
const ReplicaSlot kWaits{SnapshotBuilder::uid("web"), 1};

/// Workload "web": one replica on node a, one that waits.
SnapshotBuilder one_of_two() {
  SnapshotBuilder world;
  world.node("a").node("b").workload("web", [](WorkloadSpec& s) {
    s.replicas = 2;
    s.pod.requests = {100, 1, 0, 0, 0};
    s.pod.requests.gpu_milli = 300;
    s.pod.ports.push_back({"web", 80, Protocol::tcp, 8000});
  });
  world.replica("web", [](Replica& r) {
    SnapshotBuilder::running("a")(r);
    r.gpus = std::vector<std::uint8_t>{1};
  });
  return world.replica("web");
}

scheduler::Model model_of(const SnapshotBuilder& world) {
  scheduler::Model model;
  model.load(world.view());
  return model;
}

}  // namespace

TEST_CASE("The ledger adds up what replicas hold that have not ended") {
  auto world = one_of_two();
  const auto ledger = sim::ledger_of(world.view());
  REQUIRE(ledger.nodes.size() == 1);
  const auto& held = ledger.nodes.at(NodeId{"a"});
  CHECK(held.exact.memory_bytes == 1);
  CHECK(held.rounded == std::array<std::int64_t, 4>{100, 1, 0, 0});
  CHECK(held.gpus == std::map<std::uint8_t, std::int64_t>{{1, 300}});
  CHECK(held.host_ports.at({Protocol::tcp, 8000}) == 1);
  CHECK(held.replicas == std::set{kFirst});
  CHECK(ledger.waiting == std::set{kWaits});
  CHECK(ledger.live.at(kWaits.workload) == std::map<NodeId, std::uint32_t>{{NodeId{"a"}, 1}});

  world.change_replica(kFirst, [](Replica& r) { r.stop = StopCause::scale; });
  CHECK(sim::ledger_of(world.view()).nodes.size() == 1);
  CHECK(sim::ledger_of(world.view()).live.empty());
  world.change_replica(kFirst, [](Replica& r) { r.phase = Phase::stopped; });
  CHECK(sim::ledger_of(world.view()).nodes.empty());
}

TEST_CASE("What gateways say and what the scheduler counts is what replicas hold") {
  const auto world = one_of_two();
  const auto ledger = sim::ledger_of(world.view());
  CHECK_FALSE(sim::wrong_fragments(ledger, world.view()));
  CHECK_FALSE(sim::wrong_model(ledger, model_of(world)));
}

TEST_CASE("Fragments that differ from what replicas hold are noticed") {
  const auto before = one_of_two();
  const auto ledger = sim::ledger_of(before.view());
  const std::vector<std::function<void(SnapshotBuilder&)>> changes{
      [](SnapshotBuilder& w) { w.change_replica(kFirst, [](Replica& r) { r.phase = Phase::stopped; }); },
      [](SnapshotBuilder& w) { w.replica("web", SnapshotBuilder::running("a")); },
      [](SnapshotBuilder& w) { w.replica("web", SnapshotBuilder::running("b")); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    auto world = before;
    changes[i](world);
    CHECK(sim::wrong_fragments(ledger, world.view()));
  }
}

TEST_CASE("Whatever the scheduler counts too much or too little is noticed") {
  const auto before = one_of_two();
  const auto ledger = sim::ledger_of(before.view());
  const std::vector<std::function<void(SnapshotBuilder&)>> changes{
      [](SnapshotBuilder& w) { w.change_replica(kFirst, [](Replica& r) { r.phase = Phase::stopped; }); },
      [](SnapshotBuilder& w) { w.change_replica(kFirst, [](Replica& r) { r.stop = StopCause::scale; }); },
      [](SnapshotBuilder& w) {
        w.change_replica(kFirst, [](Replica& r) { r.gpus = std::vector<std::uint8_t>{0}; });
      },
      [](SnapshotBuilder& w) { w.replica("web"); },
      [](SnapshotBuilder& w) {
        w.workload("port", [](WorkloadSpec& s) {
          s.pod.requests = Resources{};
          s.pod.ports.push_back({"web", 80, Protocol::tcp, 8001});
        });
        w.replica("port", [](Replica& r) {
          SnapshotBuilder::running("a")(r);
          r.stop = StopCause::scale;
        });
      },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    auto world = before;
    changes[i](world);
    CHECK(sim::wrong_model(ledger, model_of(world)));
  }
}

TEST_CASE("What is assumed and not withdrawn is noticed") {
  const auto world = one_of_two();
  const auto ledger = sim::ledger_of(world.view());
  auto model = model_of(world);
  model.assume(kWaits, NodeId{"b"}, {0});
  CHECK(sim::wrong_model(ledger, model));
  model.withdraw(kWaits);
  CHECK_FALSE(sim::wrong_model(ledger, model));
  model.assume_leaving({kWaits.workload, 0});
  CHECK(sim::wrong_model(ledger, model));
  model.withdraw({kWaits.workload, 0});
  model.lift({kWaits.workload, 0});
  CHECK(sim::wrong_model(ledger, model));
}
