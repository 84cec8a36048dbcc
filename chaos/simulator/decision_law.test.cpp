#include "chaos/simulator/decision_law.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

constexpr Millis kNow = 100'000;

ReplicaId id(const std::string& name, std::uint64_t ordinal) {
  return SnapshotBuilder::id(name, ordinal);
}

/// Nodes a (zone x) and b (zone y); workload "web" with two replicas that wait.
SnapshotBuilder two_wait(const std::function<void(WorkloadSpec&)>& change = {}) {
  SnapshotBuilder world;
  world.node("a", [](Node& n) { n.description.zone = "x"; });
  world.node("b", [](Node& n) { n.description.zone = "y"; });
  world.workload("web", [&](WorkloadSpec& s) {
    s.replicas = 2;
    s.pod.requests = {600, 1, 0, 0, 0};
    if (change) change(s);
  });
  return world.replica("web").replica("web");
}

AssignReplica place(const SnapshotBuilder& world, const ReplicaId& replica, const std::string& node,
                    std::vector<std::uint8_t> gpus = {}) {
  return {replica, NodeId{node}, world.view().node(NodeId{node})->schedulable_revision, std::move(gpus)};
}

std::vector<std::string> broken(const SnapshotBuilder& world, const std::vector<ProposalItem>& items) {
  std::vector<std::string> out;
  for (const auto& breach : sim::check_decision(world.view(), items, kNow)) out.push_back(breach.invariant);
  return out;
}

bool breaks(const SnapshotBuilder& world, const std::vector<ProposalItem>& items,
            const std::string& invariant) {
  const auto all = broken(world, items);
  for (const auto& one : all) CAPTURE(one);
  return std::find(all.begin(), all.end(), invariant) != all.end();
}

AffinityTerm towards(const std::string& team) {
  AffinityTerm term;
  term.workload_selector = {{"team", team}};
  term.required = true;
  term.topology = Topology::node;
  return term;
}

}  // namespace

TEST_CASE("A lawful decision breaks nothing") {
  const auto world = two_wait();
  CHECK(broken(world, {place(world, id("web", 0), "a"), place(world, id("web", 1), "b")}).empty());
  CHECK(broken(world, {ExplainPending{id("web", 0), "no room"}}).empty());
  CHECK(broken(world, {}).empty());
}

TEST_CASE("What is placed earlier in a batch counts for what comes later") {
  const auto world = two_wait();
  CHECK(breaks(world, {place(world, id("web", 0), "a"), place(world, id("web", 1), "a")},
               "a decision takes what the node has free"));
  const auto even = two_wait([](WorkloadSpec& s) {
    s.pod.requests = {100, 1, 0, 0, 0};
    s.pod.placement.spread = Spread::zone;
    s.pod.placement.max_skew = 1;
  });
  CHECK(breaks(even, {place(even, id("web", 0), "a"), place(even, id("web", 1), "a")},
               "a decision keeps company and balance"));
  CHECK(broken(even, {place(even, id("web", 0), "a"), place(even, id("web", 1), "b")}).empty());
}

TEST_CASE("Places are for those that wait, on nodes that are as they were seen") {
  auto world = two_wait();
  auto stale = place(world, id("web", 0), "a");
  stale.schedulable_revision = 0;
  CHECK(breaks(world, {stale}, "a place names the node as it was seen"));
  world.node("a", [](Node& n) { n.cordoned = true; });
  CHECK(breaks(world, {place(world, id("web", 0), "a")}, "a decision meets what is asked of the node"));
  world.change_replica(id("web", 0), [](Replica& r) { r.stop = StopCause::scale; });
  CHECK(breaks(world, {place(world, id("web", 0), "b")},
               "a place is for one that waits, on a node that exists"));
}

TEST_CASE("Rules between replicas hold whether those who are told to stop go or not") {
  auto world = two_wait([](WorkloadSpec& s) {
    s.priority = 5;
    s.pod.requests = {100, 1, 0, 0, 0};
    s.pod.placement.affinity.push_back(towards("company"));
  });
  world.workload("low", [](WorkloadSpec& s) {
    s.labels = {{"team", "company"}};
    s.pod.requests = {100, 1, 0, 0, 0};
  });
  world.replica("low", SnapshotBuilder::running("a"));
  const StopReplica stop{id("low", 0), StopCause::preempted, id("web", 1)};
  CHECK(broken(world, {place(world, id("web", 0), "a"), stop}).empty());
  CHECK(breaks(world, {stop, place(world, id("web", 0), "a")}, "a decision keeps company and balance"));
  CHECK(breaks(world, {place(world, id("web", 0), "b")}, "a decision keeps company and balance"));

  auto apart = two_wait([](WorkloadSpec& s) {
    s.priority = 5;
    s.pod.requests = {100, 1, 0, 0, 0};
    s.pod.placement.anti_affinity.push_back(towards("enemy"));
  });
  apart.workload("low", [](WorkloadSpec& s) { s.labels = {{"team", "enemy"}}; });
  apart.replica("low", SnapshotBuilder::running("a"));
  CHECK(breaks(apart, {stop, place(apart, id("web", 0), "a")}, "a decision respects who must be apart"));
  CHECK(broken(apart, {stop, place(apart, id("web", 0), "b")}).empty());
}

TEST_CASE("Only those of lower priority who have a place are stopped, for one that waits") {
  auto world = two_wait([](WorkloadSpec& s) { s.priority = 5; });
  world.workload("low", [](WorkloadSpec& s) { s.priority = 5; });
  world.replica("low", SnapshotBuilder::running("a")).replica("low");
  const char* rule = "a place is taken for one of higher priority that waits";
  CHECK(breaks(world, {StopReplica{id("low", 0), StopCause::preempted, id("web", 0)}}, rule));
  world.workload("low", [](WorkloadSpec& s) { s.priority = 4; });
  CHECK(broken(world, {StopReplica{id("low", 0), StopCause::preempted, id("web", 0)}}).empty());
  CHECK(breaks(world, {StopReplica{id("low", 0), StopCause::scale, id("web", 0)}}, rule));
  CHECK(breaks(world, {StopReplica{id("low", 0), StopCause::preempted, id("low", 1)}}, rule));
  CHECK(breaks(world, {StopReplica{id("low", 1), StopCause::preempted, id("web", 0)}},
               "who is stopped for another has a place"));
}

TEST_CASE("A gang is placed as a whole, in one step") {
  const auto world = two_wait([](WorkloadSpec& s) {
    s.all_or_nothing = true;
    s.pod.requests = {100, 1, 0, 0, 0};
  });
  const auto first = place(world, id("web", 0), "a"), second = place(world, id("web", 1), "b");
  const char* rule = "all of a gang are placed in one step";
  CHECK(broken(world, {AssignGang{{first, second}}}).empty());
  CHECK(breaks(world, {AssignGang{{first}}}, rule));
  CHECK(breaks(world, {first, second}, rule));
  CHECK(breaks(world, {AssignGang{{}}}, "a gang has members"));
}

TEST_CASE("Others are stopped for a gang only if then all of it fits") {
  auto world = two_wait([](WorkloadSpec& s) {
    s.all_or_nothing = true;
    s.priority = 5;
  });
  world.workload("low", [](WorkloadSpec& s) { s.pod.requests = {500, 1, 0, 0, 0}; });
  world.replica("low", SnapshotBuilder::running("a")).replica("low", SnapshotBuilder::running("b"));
  const StopReplica on_a{id("low", 0), StopCause::preempted, id("web", 0)};
  const StopReplica on_b{id("low", 1), StopCause::preempted, id("web", 1)};
  CHECK(broken(world, {on_a, on_b}).empty());
  CHECK(breaks(world, {on_a}, "others are stopped for a gang only if then all of it fits"));
  // Somebody else is stopping there already.
  world.change_replica(id("low", 1), [](Replica& r) { r.stop = StopCause::scale; });
  CHECK(broken(world, {on_a}).empty());
}

TEST_CASE("GPUs are given as asked for, and once") {
  auto world = two_wait([](WorkloadSpec& s) {
    s.pod.requests = {100, 1, 0, 0, 0};
    s.pod.requests.gpu_milli = 600;
  });
  world.node("a", [](Node& n) {
    n.description.allocatable.gpu_count = 2;
    n.description.capacity = n.description.allocatable;
  });
  const char* once = "a decision gives a GPU once, or shares of it";
  const char* asked = "a decision gives the GPUs that are asked for";
  CHECK(broken(world, {place(world, id("web", 0), "a", {0}), place(world, id("web", 1), "a", {1})}).empty());
  CHECK(breaks(world, {place(world, id("web", 0), "a", {0}), place(world, id("web", 1), "a", {0})}, once));
  CHECK(breaks(world, {place(world, id("web", 0), "a", {2})}, once));
  CHECK(breaks(world, {place(world, id("web", 0), "a")}, asked));
  CHECK(breaks(world, {place(world, id("web", 0), "a", {0, 1})}, asked));
}

TEST_CASE("A node where the last of its version FAILED a moment ago is left alone") {
  auto world = two_wait();
  const auto failed = [&](Millis ended_at) {
    world.replica("web", [&](Replica& r) {
      SnapshotBuilder::running("a")(r);
      r.phase = Phase::failed;
      r.ended_at = ended_at;
    });
  };
  const char* rule = "a decision leaves a node alone where its like has failed";
  failed(kNow - 10'000);
  CHECK(broken(world, {place(world, id("web", 0), "a")}).empty());
  failed(kNow - 10'000);
  CHECK(breaks(world, {place(world, id("web", 0), "a")}, rule));
  CHECK(broken(world, {place(world, id("web", 0), "b")}).empty());
}
