#include "actors/scheduler/scheduler.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "actors/scheduler/filter.hpp"
#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;
using scheduler::Scheduler;

namespace {

std::function<void(WorkloadSpec&)> cpu_of(std::int64_t millicores) {
  return [=](WorkloadSpec& s) { s.pod.requests = Resources{millicores, 1 << 20, 0, 0, 0}; };
}

std::vector<std::string> nodes_given(const std::vector<ProposalItem>& items) {
  std::vector<std::string> out;
  for (const auto& item : items)
    if (const auto* assign = std::get_if<AssignReplica>(&item)) out.push_back(assign->node.value);
  return out;
}

std::string reason_in(const std::vector<ProposalItem>& items) {
  for (const auto& item : items)
    if (const auto* explain = std::get_if<ExplainPending>(&item)) return explain->reason;
  return {};
}

std::vector<ProposalItem> propose_at(const SnapshotBuilder& world, std::size_t limit = 100, Millis now = 1) {
  Scheduler scheduler;
  scheduler.load(world.share());
  return scheduler.propose(limit, now);
}

}  // namespace

TEST_CASE("The scheduler explains a pending replica at once, and a changed reason after a while") {
  SnapshotBuilder world;
  world.workload("web").replica("web");
  Scheduler scheduler;
  scheduler.load(world.share());
  const std::vector<ProposalItem> wanted{
      ExplainPending{SnapshotBuilder::id("web", 0), "no node has registered"}};
  CHECK(scheduler.propose(100, 1) == wanted);
  CHECK(scheduler.propose(100, 1) == wanted);
  world.change_replica(SnapshotBuilder::id("web", 0),
                       [](Replica& r) { r.reason = "no node has registered"; });
  scheduler.apply({world.commits().back()}, world.share());
  CHECK(scheduler.propose(100, 1).empty());
  world.node("a", [](Node& n) { n.cordoned = true; });
  scheduler.apply({world.commits().back()}, world.share());
  CHECK(scheduler.propose(100, 1).empty());
  CHECK(scheduler.wake_at() == 5001);
  CHECK(reason_in(scheduler.propose(100, 5001)) ==
        "no node fits: 1 of 1 node is cordoned, draining or not ready; a is cordoned; it would fit with a "
        "uncordoned");
  CHECK(scheduler.wake_at() == std::nullopt);
}

TEST_CASE("Figures that change all the time change a reason only every few seconds") {
  SnapshotBuilder world;
  world.node("a").workload("huge", cpu_of(5000)).workload("web", cpu_of(10)).replica("huge");
  Scheduler scheduler;
  scheduler.load(world.share());
  std::size_t reasons = 0;
  for (Millis now = 1; now < 30'000; now += 100) {
    world.replica("web", SnapshotBuilder::running("a"));
    scheduler.apply({world.commits().back()}, world.share());
    for (const auto& item : scheduler.propose(100, now)) {
      const auto& explain = std::get<ExplainPending>(item);
      ++reasons;
      world.change_replica(explain.replica, [&](Replica& r) { r.reason = explain.reason; });
      scheduler.apply({world.commits().back()}, world.share());
    }
  }
  CHECK(reasons == 6);
}

TEST_CASE("Assignments come before reasons, and the oldest replica first") {
  SnapshotBuilder world;
  world.node("a").workload("aa").workload("zz").workload("huge", cpu_of(5000));
  world.replica("huge", [](Replica& r) { r.created_at = 1; });
  world.replica("aa", [](Replica& r) { r.created_at = 3; });
  world.replica("zz", [](Replica& r) { r.created_at = 2; });
  const auto items = propose_at(world);
  REQUIRE(items.size() == 3);
  CHECK(std::get<AssignReplica>(items[0]).replica == SnapshotBuilder::id("zz", 0));
  CHECK(std::get<AssignReplica>(items[1]).replica == SnapshotBuilder::id("aa", 0));
  CHECK(std::get<ExplainPending>(items[2]).replica == SnapshotBuilder::id("huge", 0));
}

TEST_CASE("The scheduler proposes no more than it is allowed, and says it again if it is asked again") {
  SnapshotBuilder world;
  world.node("a").workload("web", [](WorkloadSpec& s) { s.pod.requests = Resources{1, 1, 0, 0, 0}; });
  for (int i = 0; i < 7; ++i) world.replica("web");
  Scheduler scheduler;
  scheduler.load(world.share());
  const auto first = scheduler.propose(3, 1);
  CHECK(first.size() == 3);
  CHECK(scheduler.propose(3, 1) == first);
}

TEST_CASE("Replicas of one workload spread over nodes before any node gets a second one") {
  SnapshotBuilder world;
  world.node("a").node("b").node("c").workload("web", cpu_of(100));
  for (int i = 0; i < 4; ++i) world.replica("web");
  CHECK(nodes_given(propose_at(world)) == std::vector<std::string>{"a", "b", "c", "a"});
}

TEST_CASE("What earlier replicas of a batch took is not given to later ones") {
  SnapshotBuilder world;
  world.node("a").workload("web", cpu_of(600)).replica("web").replica("web");
  const auto items = propose_at(world);
  CHECK(nodes_given(items) == std::vector<std::string>{"a"});
  CHECK(reason_in(items) ==
        "no node fits: 1 of 1 node lacks cpu; a lacks 200 millicores; it would fit with "
        "requests.cpu_millicores "
        "of 400");
}

TEST_CASE("The room of a replica that is told to stop is taken until it has ended") {
  SnapshotBuilder world;
  world.node("a").workload("old", cpu_of(600)).workload("web", cpu_of(600));
  world.replica("old", SnapshotBuilder::running("a")).replica("web");
  world.change_replica(SnapshotBuilder::id("old", 0), [](Replica& r) { r.stop = StopCause::scale; });
  CHECK(nodes_given(propose_at(world)).empty());
  world.change_replica(SnapshotBuilder::id("old", 0), [](Replica& r) { r.phase = Phase::stopped; });
  CHECK(nodes_given(propose_at(world)).size() == 1);
}

TEST_CASE("Replicas of one batch get GPUs of their own, named in the assignment with the node as seen") {
  SnapshotBuilder world;
  world.node("a", [](Node& n) { n.description.allocatable.gpu_count = 3; });
  world.workload("whole", [](WorkloadSpec& s) { s.pod.requests = Resources{1, 1, 0, 0, 1, 0}; });
  world.workload("share", [](WorkloadSpec& s) { s.pod.requests = Resources{1, 1, 0, 0, 0, 400}; });
  world.replica("share").replica("share").replica("share").replica("whole");
  const auto items = propose_at(world);
  REQUIRE(items.size() == 4);
  const std::vector<std::vector<std::uint8_t>> gpus{{0}, {0}, {1}, {2}};
  for (std::size_t i = 0; i < items.size(); ++i) {
    CAPTURE(i);
    const auto& assign = std::get<AssignReplica>(items[i]);
    CHECK(assign.gpus == gpus[i]);
    CHECK(assign.schedulable_revision == world.view().node(NodeId{"a"})->schedulable_revision);
  }
}

TEST_CASE("A node where the version failed is left alone, longer each time, and the scheduler wakes then") {
  SnapshotBuilder world;
  world.node("a").workload("web");
  const auto failed_at = [](Millis at) {
    return [=](Replica& r) {
      SnapshotBuilder::ended(Phase::failed)(r);
      r.node = NodeId{"a"};
      r.ended_at = at;
    };
  };
  world.replica("web", failed_at(1000)).replica("web");
  Scheduler scheduler;
  scheduler.load(world.share());
  CHECK(nodes_given(scheduler.propose(100, 10'999)).empty());
  CHECK(scheduler.wake_at() == 11'000);
  CHECK(nodes_given(scheduler.propose(100, 11'000)).size() == 1);
  world.replica("web", failed_at(20'000));
  scheduler.apply({world.commits().back()}, world.share());
  CHECK(nodes_given(scheduler.propose(100, 39'999)).empty());
  CHECK(nodes_given(scheduler.propose(100, 40'000)).size() == 1);
  world.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; }).replica("web");
  scheduler.load(world.share());
  CHECK(nodes_given(scheduler.propose(100, 20'000)).size() == 1);  // of the new version only
  for (const auto& [failures, wait] : std::map<std::size_t, Millis>{
           {0, 0}, {1, 10'000}, {2, 20'000}, {5, 160'000}, {6, 300'000}, {99, 300'000}})
    CHECK(scheduler::back_off(failures) == wait);
}

TEST_CASE("No batch ever exceeds what a node has, and nothing is left out that fits") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    SnapshotBuilder world;
    const auto nodes = 1 + random() % 6;
    for (std::uint64_t i = 0; i < nodes; ++i)
      world.node("n" + std::to_string(i), [&](Node& n) {
        n.description.allocatable.cpu_millicores = static_cast<std::int64_t>(random() % 2000);
        n.description.zone = "z" + std::to_string(random() % 2);
        n.cordoned = random() % 5 == 0;
      });
    for (std::uint64_t w = 0; w < 3; ++w) {
      const std::string name = "w" + std::to_string(w);
      world.workload(name, cpu_of(1 + static_cast<std::int64_t>(random() % 500)));
      for (std::uint64_t r = random() % 8; r > 0; --r) world.replica(name);
    }
    std::map<NodeId, std::int64_t> used;
    std::vector<ReplicaId> unplaced;
    const auto wanted = [&](const ReplicaId& id) {
      const auto replica = world.view().replica(id);
      return world.view().version(replica->workload, replica->version)->pod.requests.cpu_millicores;
    };
    for (const auto& item : propose_at(world)) {
      if (const auto* explain = std::get_if<ExplainPending>(&item)) {
        unplaced.push_back(explain->replica);
        continue;
      }
      const auto& assign = std::get<AssignReplica>(item);
      CHECK(world.view().node(assign.node)->schedulable());
      used[assign.node] += wanted(assign.replica);
    }
    for (const auto& [id, cpus] : used)
      CHECK(cpus <= world.view().node(id)->description.allocatable.cpu_millicores);
    for (const auto& id : unplaced)
      world.view().nodes().for_each([&](const NodeId& node, const std::shared_ptr<const Node>& n) {
        if (n->schedulable()) CHECK(used[node] + wanted(id) > n->description.allocatable.cpu_millicores);
      });
  }
}

TEST_CASE("What a lost zone ran is planned in one batch, before older work of equal priority") {
  SnapshotBuilder world;
  for (int i = 0; i < 6; ++i)
    world.node("n" + std::to_string(i), [&](Node& n) { n.description.zone = i < 3 ? "a" : "b"; });
  world.workload("web", [](WorkloadSpec& s) {
    cpu_of(1000)(s);
    s.replicas = 3;
  });
  world.workload("new", cpu_of(1000)).workload("high", [](WorkloadSpec& s) {
    cpu_of(500)(s);
    s.priority = 1;
  });
  for (int i = 0; i < 3; ++i) world.replica("web", SnapshotBuilder::running("n" + std::to_string(i)));
  Scheduler scheduler;
  scheduler.load(world.share());
  auto seen = static_cast<std::ptrdiff_t>(world.commits().size());
  for (int i = 0; i < 3; ++i)
    world.node("n" + std::to_string(i), [](Node& n) { n.state = NodeState::offline; });
  world.replica("new").replica("high", [](Replica& r) { r.created_at = 8; });
  for (std::uint64_t i = 0; i < 3; ++i) {
    world.replica("web", [](Replica& r) { r.created_at = 9; });
    world.change_replica(SnapshotBuilder::id("web", i), [](Replica& r) { r.phase = Phase::lost; });
  }
  scheduler.apply({world.commits().begin() + seen, world.commits().end()}, world.share());
  const auto items = scheduler.propose(100, 1);
  const auto who = [&](std::size_t i) { return std::get<AssignReplica>(items.at(i)).replica; };
  CHECK(who(0) == SnapshotBuilder::id("high", 0));
  CHECK(who(1) == SnapshotBuilder::id("web", 3));
  CHECK(who(2) == SnapshotBuilder::id("web", 4));
  CHECK(std::holds_alternative<ExplainPending>(items.at(3)));
  // Once it has its number again it is like any other.
  seen = static_cast<std::ptrdiff_t>(world.commits().size());
  for (std::uint64_t i = 3; i < 6; ++i)
    world.change_replica(SnapshotBuilder::id("web", i), SnapshotBuilder::running("n" + std::to_string(i)));
  world.replica("web", [](Replica& r) { r.created_at = 10; });
  for (int i = 0; i < 3; ++i)
    world.node("n" + std::to_string(i), [](Node& n) { n.state = NodeState::ready; });
  scheduler.apply({world.commits().begin() + seen, world.commits().end()}, world.share());
  const auto later = scheduler.propose(100, 1);
  CHECK(std::get<AssignReplica>(later.at(1)).replica == SnapshotBuilder::id("new", 0));
  CHECK(std::get<AssignReplica>(later.at(2)).replica == SnapshotBuilder::id("web", 6));
}

TEST_CASE(
    "Reasons of many versions on many nodes are worked out in several passes, one right after the other") {
  SnapshotBuilder world;
  for (int i = 0; i < 1000; ++i) world.node("n" + std::to_string(i));
  for (int i = 11; i <= 60; ++i) {
    if (i % 10 == 0) continue;  // its uid would be that of another
    const std::string name = "w" + std::to_string(i);
    world.workload(name, cpu_of(2000)).replica(name);
  }
  Scheduler scheduler;
  scheduler.load(world.share());
  std::vector<std::size_t> told;
  for (int pass = 0; pass < 4; ++pass) {
    const auto items = scheduler.propose(100, 7);
    told.push_back(items.size());
    CHECK(scheduler.wake_at() == (pass < 2 ? std::optional<Millis>(7) : std::nullopt));
    const auto seen = static_cast<std::ptrdiff_t>(world.commits().size());
    for (const auto& item : items) {
      const auto& explain = std::get<ExplainPending>(item);
      world.change_replica(explain.replica, [&](Replica& r) { r.reason = explain.reason; });
    }
    scheduler.apply({world.commits().begin() + seen, world.commits().end()}, world.share());
  }
  CHECK(told == std::vector<std::size_t>{20, 20, 5, 0});
}
