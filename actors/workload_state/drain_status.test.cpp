#include "actors/workload_state/drain_status.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

TEST_CASE("a drain says what each replica that is left waits for") {
  SnapshotBuilder b;
  const auto up = [](const std::string& node) {
    return [=](Replica& r) {
      SnapshotBuilder::running(node)(r);
      r.ready_at = 1'000;
    };
  };
  const auto id = [](std::uint64_t ordinal) { return SnapshotBuilder::id("web", ordinal); };
  b.node("n1", [](Node& n) { n.draining = true; }).node("n2").workload("web").replica("web", up("n1"));
  const auto waits = [&] {
    const auto status = derive_drain(b.view(), *b.view().node(NodeId{"n1"}), {5'000, 0});
    REQUIRE(status.replicas_left == 1);
    REQUIRE(status.left.size() == 1);
    CHECK(status.left[0].replica == id(0));
    CHECK(status.left[0].workload == "web");
    CHECK(status.left[0].ns == "default");
    return status.left[0].waiting_for;
  };
  CHECK(waits() == "waiting for another replica: 1 of the at least 1 are available");
  b.replica("web", [](Replica& r) { r.reason = "no node has room"; });
  CHECK(waits() == "waiting for a place for " + id(1).value + ", which replaces it: no node has room");
  b.change_replica(id(1), [](Replica& r) {
    r.phase = Phase::preparing;
    r.node = NodeId{"n2"};
    r.reason = "pulling image:1";
  });
  CHECK(waits() == "waiting for " + id(1).value + ", which replaces it: it is PREPARING: pulling image:1");
  b.change_replica(id(1), [](Replica& r) {
    r.phase = Phase::running;
    r.reason = "HTTP 503 from /ready";
  });
  CHECK(waits() ==
        "waiting for " + id(1).value + ", which replaces it, to become ready: HTTP 503 from /ready");
  b.change_replica(id(1), [](Replica& r) {
    r.ready = true;
    r.ready_at = 5'000;
    r.reason = {};
  });
  CHECK(waits() == "waiting for its turn to stop");
  b.workload("web", [](WorkloadSpec& s) { s.rollout.min_ready = 3'000; });
  CHECK(waits() == "waiting for " + id(1).value + ", which replaces it, to stay ready for another 3 s");
  b.change_replica(id(0), [](Replica& r) { r.withdrawn = StopCause::drain; });
  CHECK(waits() == "waiting for those who send requests to let go of it");
  b.change_replica(id(0), [](Replica& r) { r.stop = StopCause::drain; });
  CHECK(waits() == "waiting for its container to stop");
  b.change_replica(id(0), [](Replica& r) { r.phase = Phase::stopped; });
  CHECK(derive_drain(b.view(), *b.view().node(NodeId{"n1"}), {5'000, 0}).replicas_left == 0);
}

TEST_CASE("a drain lists a bounded number of replicas, and counts all of them") {
  SnapshotBuilder b;
  b.node("n1", [](Node& n) { n.draining = true; }).workload("web", [](WorkloadSpec& s) {
    s.replicas = 1010;
  });
  for (int i = 0; i < 1010; ++i) b.replica("web", SnapshotBuilder::running("n1"));
  const auto status = derive_drain(b.view(), *b.view().node(NodeId{"n1"}), {});
  CHECK(status.replicas_left == 1010);
  CHECK(status.left.size() == kMostDrainLeft);
}

}  // namespace
}  // namespace cloudless::workload_state
