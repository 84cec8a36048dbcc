#include "actors/workload_state/fragments.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

Fragments on_a(const SnapshotBuilder& b) {
  return fragments_of(b.view(), *b.view().node(NodeId{"a"}));
}

TEST_CASE("a replica holds what its version asks for, until it has ended") {
  SnapshotBuilder b;
  b.node("a", [](Node& n) { n.description.capacity.cpu_millicores = 1500; });
  b.workload("web", [](WorkloadSpec& s) { s.pod.requests = {300, 64 << 20, 0, 0, 0}; });
  b.replica("web", SnapshotBuilder::running("a"));
  b.workload("web", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 200; });
  b.replica("web", SnapshotBuilder::running("a"));
  b.replica("web");
  auto fragments = on_a(b);
  CHECK(fragments.system.cpu_millicores == 500);
  CHECK(fragments.reservable.cpu_millicores == 1000);
  REQUIRE(fragments.replicas.size() == 2);
  CHECK(fragments.replicas[0].replica->id == SnapshotBuilder::id("web", 0));
  CHECK(fragments.replicas[0].resources.cpu_millicores == 300);
  CHECK(fragments.replicas[1].resources.cpu_millicores == 200);
  CHECK(fragments.free.cpu_millicores == 500);
  CHECK(fragments.free.memory_bytes == (1 << 30) - (128 << 20));

  b.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) { r.stop = StopCause::scale; });
  CHECK(on_a(b).free.cpu_millicores == 500);
  b.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) { r.phase = Phase::stopped; });
  fragments = on_a(b);
  REQUIRE(fragments.replicas.size() == 1);
  CHECK(fragments.replicas[0].replica->id == SnapshotBuilder::id("web", 1));
  CHECK(fragments.free.cpu_millicores == 800);
}

TEST_CASE(
    "GPUs that are free are whole ones and the thousandths beyond; a node that shrank has nothing free") {
  SnapshotBuilder b;
  b.node("a", [](Node& n) {
    n.description.allocatable.gpu_count = 2;
    n.description.capacity = n.description.allocatable;
  });
  b.workload("web", [](WorkloadSpec& s) {
    s.pod.requests = {100, 0, 0, 0, 0};
    s.pod.requests.gpu_milli = 300;
  });
  b.replica("web", SnapshotBuilder::running("a"));
  CHECK(on_a(b).free.gpu_count == 1);
  CHECK(on_a(b).free.gpu_milli == 700);
  b.node("a", [](Node& n) { n.description.allocatable = Resources{50, 0, 0, 0, 0}; });
  CHECK(on_a(b).free == Resources{});
}

}  // namespace
}  // namespace cloudless::workload_state
