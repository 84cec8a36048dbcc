#include "actors/workload_state/budget.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

TEST_CASE("what counts as available") {
  Replica good;
  SnapshotBuilder::running("n1")(good);
  Node ready;
  REQUIRE(counts_as_available(good, &ready));

  const std::vector<std::function<void(Replica&, Node&)>> spoilers{
      [](Replica& r, Node&) { r.ready = false; },
      [](Replica& r, Node&) { r.serving = false; },
      [](Replica& r, Node&) { r.stop = StopCause::scale; },
      [](Replica& r, Node&) { r.withdrawn = StopCause::scale; },
      [](Replica& r, Node&) { r.phase = Phase::stopping; },
      [](Replica& r, Node&) { r.phase = Phase::starting; },
      [](Replica& r, Node&) { r.phase = Phase::lost; },
      [](Replica&, Node& n) { n.state = NodeState::suspect; },
      [](Replica&, Node& n) { n.state = NodeState::offline; },
  };
  for (std::size_t i = 0; i < spoilers.size(); ++i) {
    CAPTURE(i);
    Replica replica = good;
    Node node = ready;
    spoilers[i](replica, node);
    CHECK_FALSE(counts_as_available(replica, &node));
  }
  CHECK_FALSE(counts_as_available(good, nullptr));
  Node cordoned = ready;
  cordoned.cordoned = true;
  CHECK(counts_as_available(good, &cordoned));
}

TEST_CASE("what the floor counts has been ready long enough, and is of a version that serves") {
  Replica r;
  SnapshotBuilder::running("n1")(r);
  r.version = 2;
  r.ready_at = 400;
  const Node node;
  Workload w;
  w.spec.rollout.min_ready = 100;
  CHECK_FALSE(is_available(w, r, &node, 499));
  CHECK(is_available(w, r, &node, 500));
  w.serving_version = 1;
  CHECK_FALSE(is_available(w, r, &node, 500));
  w.serving_version = 2;
  CHECK(is_available(w, r, &node, 500));
  r.withdrawn = StopCause::scale;
  CHECK_FALSE(is_available(w, r, &node, 500));
}

/// Three ready replicas of `web` on n1, n2, n2; the floor is given.
SnapshotBuilder three_ready(std::uint32_t floor) {
  SnapshotBuilder b;
  b.node("n1").node("n2").workload("web", [=](WorkloadSpec& s) {
    s.replicas = 3;
    s.rollout.min_available = floor;
  });
  for (const char* node : {"n1", "n2", "n2"}) b.replica("web", SnapshotBuilder::running(node));
  return b;
}

TEST_CASE("stops of one batch are counted together") {
  for (std::uint32_t floor = 0; floor <= 3; ++floor) {
    CAPTURE(floor);
    const auto b = three_ready(floor);
    const auto workload = b.view().workload("default", "web");
    Budget budget(1000);
    std::uint32_t permitted = 0;
    for (std::uint64_t i = 0; i < 3; ++i)
      permitted += budget.permit(b.view(), *workload, *b.view().replica(SnapshotBuilder::id("web", i)),
                                 StopCause::scale)
                       ? 1
                       : 0;
    CHECK(permitted == 3 - floor);
  }
}

TEST_CASE("stopping what does not count is always allowed, and costs nothing") {
  auto b = three_ready(3);
  b.replica("web", SnapshotBuilder::running("n1", false)).replica("web");
  const auto workload = b.view().workload("default", "web");
  Budget budget(1000);
  for (const std::uint64_t i : {3, 4}) {
    const auto permitted = budget.permit(b.view(), *workload,
                                         *b.view().replica(SnapshotBuilder::id("web", i)), StopCause::scale);
    REQUIRE(permitted.has_value());
    CHECK(permitted->empty());
  }
}

TEST_CASE("a permitted stop relies on the nodes of as many replicas as the floor needs") {
  const auto b = three_ready(2);
  const auto workload = b.view().workload("default", "web");
  Budget budget(1000);
  const auto permitted =
      budget.permit(b.view(), *workload, *b.view().replica(SnapshotBuilder::id("web", 0)), StopCause::scale);
  REQUIRE(permitted.has_value());
  const auto n2 = b.view().node(NodeId{"n2"});
  CHECK(*permitted == std::vector<Precondition>{{node_key(NodeId{"n2"}), n2->schedulable_revision}});
}

TEST_CASE("a floor of many nodes relies on each of them") {
  SnapshotBuilder b;
  b.workload("web", [](WorkloadSpec& s) {
    s.replicas = 4;
    s.rollout.min_available = 3;
  });
  for (const char* node : {"n1", "n2", "n3", "n4"})
    b.node(node).replica("web", SnapshotBuilder::running(node));
  Budget budget(1000);
  const auto permitted = budget.permit(b.view(), *b.view().workload("default", "web"),
                                       *b.view().replica(SnapshotBuilder::id("web", 1)), StopCause::scale);
  REQUIRE(permitted.has_value());
  std::vector<Precondition> others;
  for (const char* node : {"n1", "n3", "n4"})
    others.push_back({node_key(NodeId{node}), b.view().node(NodeId{node})->schedulable_revision});
  CHECK(*permitted == others);
}

TEST_CASE("what does not count because of its node relies on that staying so") {
  auto b = three_ready(3);
  b.node("n1", [](Node& n) { n.state = NodeState::suspect; });
  Budget budget(1000);
  const auto permitted = budget.permit(b.view(), *b.view().workload("default", "web"),
                                       *b.view().replica(SnapshotBuilder::id("web", 0)), StopCause::scale);
  REQUIRE(permitted.has_value());
  CHECK(*permitted == std::vector<Precondition>{
                          {node_key(NodeId{"n1"}), b.view().node(NodeId{"n1"})->schedulable_revision}});
}

TEST_CASE("only a deleted workload and RECREATE of what is outdated have no floor") {
  auto b = three_ready(3);
  const auto replica = *b.view().replica(SnapshotBuilder::id("web", 0));
  Workload w = *b.view().workload("default", "web");
  CHECK(floor_for(w, replica, StopCause::recreate) == 3);
  w.spec.rollout.strategy = RolloutStrategy::recreate;
  CHECK(floor_for(w, replica, StopCause::recreate) == 3);
  ++w.version;
  CHECK(floor_for(w, replica, StopCause::recreate) == 0);
  CHECK(floor_for(w, replica, StopCause::rollout) == 3);
  CHECK(floor_for(w, replica, StopCause::scale) == 3);
  w.deleted = true;
  CHECK(floor_for(w, replica, StopCause::scale) == 0);
}

TEST_CASE("stops without a floor are not forgotten by those after them") {
  auto b = three_ready(2);
  b.workload("web", [](WorkloadSpec& s) {
    s.rollout.strategy = RolloutStrategy::recreate;
    s.pod.image = "image:2";
  });
  b.change_replica(SnapshotBuilder::id("web", 2), [](Replica& r) { r.version = 2; });
  const auto workload = b.view().workload("default", "web");
  const auto replica = [&](std::uint64_t i) { return *b.view().replica(SnapshotBuilder::id("web", i)); };
  Budget budget(1000);
  CHECK(budget.permit(b.view(), *workload, replica(0), StopCause::rollout).has_value());
  CHECK(budget.permit(b.view(), *workload, replica(1), StopCause::recreate).has_value());
  const auto last = budget.permit(b.view(), *workload, replica(2), StopCause::scale);
  REQUIRE_FALSE(last.has_value());
  CHECK(last.error().code == Errc::failed_precondition);
  CHECK(last.error().message.find("ready=0, min=2") != std::string::npos);
}

TEST_CASE("a stop is allowed down to the floor and refused with the numbers") {
  for (std::uint32_t ready = 2; ready <= 5; ++ready) {
    CAPTURE(ready);
    SnapshotBuilder b;
    b.node("n1").workload("web", [](WorkloadSpec& s) {
      s.replicas = 5;
      s.rollout.min_available = 3;
    });
    for (std::uint32_t i = 0; i < ready; ++i) b.replica("web", SnapshotBuilder::running("n1"));
    Budget budget(1000);
    const auto permitted = budget.permit(b.view(), *b.view().workload("default", "web"),
                                         *b.view().replica(SnapshotBuilder::id("web", 0)), StopCause::drain);
    CHECK(permitted.has_value() == (ready > 3));
    if (!permitted)
      CHECK(permitted.error().message ==
            "stopping " + SnapshotBuilder::id("web", 0).value + " is refused: it would leave ready=" +
                std::to_string(ready - 1) + ", min=3; it may stop when another one is ready");
  }
}

TEST_CASE("a switch is judged by what would be available after it") {
  SnapshotBuilder b;
  b.node("n1").node("n2").workload("web", [](WorkloadSpec& s) {
    s.replicas = 2;
    s.rollout.min_available = 2;
  });
  for (int i = 0; i < 2; ++i) b.replica("web", SnapshotBuilder::running("n1"));
  b.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; });
  b.replica("web", SnapshotBuilder::running("n1"));
  Workload w = *b.view().workload("default", "web");
  w.serving_version = 1;
  Budget budget(1000);
  const auto refused = budget.permit_switch(b.view(), w, 2);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("ready=1, min=2") != std::string::npos);
  b.replica("web", SnapshotBuilder::running("n2"));
  const auto permitted = budget.permit_switch(b.view(), w, 2);
  REQUIRE(permitted.has_value());
  CHECK(permitted->size() == 2);
  CHECK(budget.permit_switch(b.view(), w, 0)->empty());
}

}  // namespace
}  // namespace cloudless::workload_state
