#include "actors/scheduler/gang.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

#include "actors/scheduler/scheduler.hpp"
#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;
using scheduler::kGangPatience;
using scheduler::Scheduler;

namespace {

std::function<void(WorkloadSpec&)> gang_of(std::uint32_t replicas, std::int64_t millicores = 100,
                                           std::uint32_t priority = 0) {
  return [=](WorkloadSpec& s) {
    s.all_or_nothing = true;
    s.replicas = replicas;
    s.priority = priority;
    s.pod.requests = Resources{millicores, 1 << 20, 0, 0, 0};
  };
}

/// A world, and a scheduler that follows it.
class GangTest {
 public:
  std::vector<ProposalItem> propose(std::size_t limit = 100) {
    if (seen_ == 0) {
      scheduler.load(world.share());
    } else {
      const auto& all = world.commits();
      scheduler.apply({all.begin() + static_cast<std::ptrdiff_t>(seen_), all.end()}, world.share());
    }
    seen_ = world.commits().size();
    return scheduler.propose(limit, now);
  }
  /// How many replicas each gang that gets places has.
  std::vector<std::size_t> placed(std::size_t limit = 100) {
    std::vector<std::size_t> out;
    for (const auto& item : propose(limit))
      if (const auto* gang = std::get_if<AssignGang>(&item)) out.push_back(gang->members.size());
    return out;
  }
  void pending(const std::string& workload, int count) {
    for (int i = 0; i < count; ++i) world.replica(workload);
  }
  void running(const std::string& workload, int count, const std::string& node = "a") {
    for (int i = 0; i < count; ++i) world.replica(workload, SnapshotBuilder::running(node));
  }
  void ended(const std::string& workload, Phase phase, int count = 1) {
    for (int i = 0; i < count; ++i)
      world.replica(workload, [&](Replica& r) {
        SnapshotBuilder::ended(phase)(r);
        r.node = NodeId{"a"};
      });
  }

  SnapshotBuilder world;
  Scheduler scheduler;
  Millis now = 1'000'000;

 private:
  std::size_t seen_ = 0;
};

using Sizes = std::vector<std::size_t>;

}  // namespace

TEST_CASE_FIXTURE(GangTest, "A gang gets its places in one item, each on a node as it was seen") {
  world.node("a").node("b").workload("job", gang_of(3, 500));
  pending("job", 3);
  const auto items = propose();
  REQUIRE(items.size() == 1);
  const auto& gang = std::get<AssignGang>(items[0]);
  REQUIRE(gang.members.size() == 3);
  std::map<std::string, int> nodes;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& member = gang.members[i];
    CHECK(member.replica == SnapshotBuilder::id("job", i));
    CHECK(member.schedulable_revision == world.view().node(member.node)->schedulable_revision);
    ++nodes[member.node.value];
  }
  CHECK(nodes == std::map<std::string, int>{{"a", 2}, {"b", 1}});
}

TEST_CASE_FIXTURE(GangTest, "Of a gang that does not fit none is placed, and each says how many would fit") {
  world.node("a").node("b").workload("job", gang_of(5, 600));
  pending("job", 5);
  const auto items = propose();
  REQUIRE(items.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    const auto& explain = std::get<ExplainPending>(items[i]);
    CHECK(explain.replica == SnapshotBuilder::id("job", i));
    CHECK(explain.reason ==
          "all or nothing: 2 of 5 would fit; no node fits: 2 of 2 nodes lack cpu; a lacks 200 millicores; it "
          "would fit with requests.cpu_millicores of 400");
  }
  world.node("c").node("d");
  CHECK(placed().empty());
  world.node("e");
  CHECK(placed() == Sizes{5});
}

TEST_CASE_FIXTURE(GangTest, "What a gang leaves because it does not fit goes to those after it") {
  world.node("a").workload("job", gang_of(3, 400)).workload("web", [](WorkloadSpec& s) {
    s.pod.requests = Resources{900, 1 << 20, 0, 0, 0};
  });
  pending("job", 3);
  world.replica("web", [](Replica& r) { r.created_at = 9; });
  const auto items = propose();
  REQUIRE(items.size() == 4);
  CHECK(std::get<AssignReplica>(items[0]).replica == SnapshotBuilder::id("web", 0));
}

TEST_CASE_FIXTURE(GangTest, "A gang whose replicas are still being made is not placed in part") {
  world.node("a").workload("job", gang_of(3));
  for (int i = 0; i < 2; ++i) {
    pending("job", 1);
    CHECK(propose().empty());
    CHECK(scheduler.wake_at() == now + kGangPatience);
    now += 100;
  }
  pending("job", 1);
  CHECK(placed() == Sizes{3});
}

TEST_CASE_FIXTURE(GangTest, "A gang that has stopped growing, as in a paused rollout, is placed as it is") {
  world.node("a").workload("job", gang_of(5));
  running("job", 2);
  pending("job", 2);
  CHECK(placed().empty());
  const auto at = scheduler.wake_at();
  REQUIRE(at == now + kGangPatience);
  now = *at - 1;
  CHECK(placed().empty());
  now = *at;
  CHECK(placed() == Sizes{2});
  // And if it does not fit then, it says why.
  world.workload("big", gang_of(3, 900));
  pending("big", 2);
  propose();
  now += kGangPatience;
  const auto items = propose();
  REQUIRE(items.size() == 3);
  CHECK(std::get<ExplainPending>(items[1]).reason.starts_with(
      "all or nothing: 0 of 2 would fit; no node fits"));
}

TEST_CASE_FIXTURE(GangTest, "A scale-up waits for all that are added, and not for those that run") {
  world.node("a").workload("job", gang_of(4));
  running("job", 2);
  pending("job", 1);
  CHECK(placed().empty());
  pending("job", 1);
  CHECK(placed() == Sizes{2});
}

TEST_CASE_FIXTURE(GangTest, "The replacement of a lost or stopped replica is placed as soon as it is there") {
  world.node("a").node("gone", [](Node& n) { n.state = NodeState::offline; }).workload("job", gang_of(3));
  running("job", 2);
  running("job", 1, "gone");
  pending("job", 1);
  CHECK(placed() == Sizes{1});  // the lost one is not given up yet
  world.change_replica(SnapshotBuilder::id("job", 2), [](Replica& r) { r.phase = Phase::lost; });
  CHECK(placed() == Sizes{1});
  world.change_replica(SnapshotBuilder::id("job", 1), [](Replica& r) { r.stop = StopCause::drain; });
  CHECK(placed().empty());
  pending("job", 1);
  CHECK(placed() == Sizes{2});
}

TEST_CASE_FIXTURE(GangTest, "Replicas of a job that have ended by themselves are not waited for") {
  world.node("a").workload("job", gang_of(4));
  ended("job", Phase::succeeded);
  ended("job", Phase::failed);
  running("job", 1);
  pending("job", 1);
  now += 3'600'000;  // no back-off any more
  CHECK(placed() == Sizes{1});
}

TEST_CASE_FIXTURE(GangTest, "What ended or waits of an earlier version does not complete a gang") {
  world.node("a").workload("job", gang_of(3));
  ended("job", Phase::succeeded, 2);
  pending("job", 1);
  CHECK(placed() == Sizes{1});
  world.workload("job", [](WorkloadSpec& s) { s.pod.image = "image:2"; });
  pending("job", 2);
  CHECK(placed() == Sizes{1});  // of the earlier version, whose places are filled
  pending("job", 1);
  CHECK(placed() == Sizes{1, 3});
}

TEST_CASE_FIXTURE(GangTest,
                  "A gang beyond what is left of a pass has the next one to itself; nothing overtakes it") {
  world.node("a").workload("aa").workload("job", gang_of(4)).workload("zz");
  world.replica("aa");
  pending("job", 4);
  world.replica("zz", [](Replica& r) { r.created_at = 9; });
  auto items = propose(4);
  REQUIRE(items.size() == 1);
  CHECK(std::get<AssignReplica>(items[0]).replica == SnapshotBuilder::id("aa", 0));
  items = propose(5);
  REQUIRE(items.size() == 2);
  CHECK(std::get<AssignGang>(items[1]).members.size() == 4);
  world.change_replica(SnapshotBuilder::id("aa", 0), SnapshotBuilder::running("a"));
  CHECK(placed(4) == Sizes{4});
  CHECK(placed(2) == Sizes{4});  // also where it is larger than any pass
}

TEST_CASE_FIXTURE(GangTest, "Of a gang that is too large for one step the first replicas go first") {
  world.node("a").workload("job", gang_of(kMaxGang + 3, 1));
  pending("job", static_cast<int>(kMaxGang) + 3);
  CHECK(placed() == Sizes{kMaxGang});
}

TEST_CASE("Of no gang a part is placed, no node gets too much, and what waits has a reason") {
  int whole = 0, none = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    GangTest test;
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n)
      test.world.node("n" + std::to_string(n), [&](Node& node) {
        node.description.allocatable.cpu_millicores = static_cast<std::int64_t>(random() % 2000);
        node.description.zone = "z" + std::to_string(random() % 2);
      });
    std::map<std::string, std::uint32_t> size;
    for (std::uint64_t w = 0; w < 5; ++w) {
      const std::string name = "w" + std::to_string(w);
      size[name] = 1 + static_cast<std::uint32_t>(random() % 6);
      test.world.workload(name, [&](WorkloadSpec& s) {
        gang_of(size[name], 1 + static_cast<std::int64_t>(random() % 500),
                static_cast<std::uint32_t>(random() % 3))(s);
        s.all_or_nothing = random() % 4 != 0;
        if (random() % 3 == 0) s.pod.placement.max_skew = 1;
        s.pod.placement.spread = random() % 2 == 0 ? Spread::zone : Spread::node;
      });
      test.pending(name, static_cast<int>(size[name]));
    }
    std::map<NodeId, std::int64_t> used;
    std::map<WorkloadUid, std::set<ReplicaId>> given;
    std::set<ReplicaId> explained;
    const auto take = [&](const AssignReplica& member) {
      const auto replica = test.world.view().replica(member.replica);
      used[member.node] += test.world.view().workload(replica->workload)->spec.pod.requests.cpu_millicores;
      given[replica->workload].insert(member.replica);
    };
    for (const auto& item : test.propose()) {
      if (const auto* one = std::get_if<AssignReplica>(&item)) take(*one);
      if (const auto* gang = std::get_if<AssignGang>(&item))
        for (const auto& member : gang->members) take(member);
      if (const auto* explain = std::get_if<ExplainPending>(&item)) explained.insert(explain->replica);
    }
    for (const auto& [id, cpus] : used)
      CHECK(cpus <= test.world.view().node(id)->description.allocatable.cpu_millicores);
    for (const auto& [name, replicas] : size) {
      const auto& got = given[SnapshotBuilder::uid(name)];
      for (std::uint32_t i = 0; i < replicas; ++i)
        CHECK(got.contains(SnapshotBuilder::id(name, i)) != explained.contains(SnapshotBuilder::id(name, i)));
      if (!test.world.view().workload(SnapshotBuilder::uid(name))->spec.all_or_nothing) continue;
      CHECK((got.empty() || got.size() == replicas));
      ++(got.empty() ? none : whole);
    }
  }
  CHECK(whole > 300);
  CHECK(none > 100);
}
