#include <doctest/doctest.h>

#include <random>
#include <set>

#include "actors/scheduler/gang.hpp"
#include "actors/scheduler/pass_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;

namespace {

std::function<void(WorkloadSpec&)> gang(std::uint32_t replicas, std::int64_t millicores,
                                        std::uint32_t priority) {
  return [=](WorkloadSpec& s) {
    spec_of(millicores, priority)(s);
    s.replicas = replicas;
    s.all_or_nothing = true;
  };
}

std::function<void(Node&)> with(std::int64_t millicores) {
  return [=](Node& n) { n.description.allocatable.cpu_millicores = millicores; };
}

class PassGangTest : public PassTest {
 public:
  void members(const std::string& workload, int count) {
    for (int i = 0; i < count; ++i) world.replica(workload);
  }
};

}  // namespace

TEST_CASE_FIXTURE(PassGangTest,
                  "A gang has others stopped, waits for all of them, and is placed as a whole") {
  world.node("a", with(1000)).node("b", with(1000)).node("c", with(500));
  world.workload("low", spec_of(700, 1)).workload("job", gang(3, 500, 2)).workload("mid", spec_of(500, 1));
  world.replica("low", SnapshotBuilder::running("a")).replica("low", SnapshotBuilder::running("b"));
  members("job", 3);
  CHECK(step() == Steps{stop("low", 0, "job", 1)});  // a has room for two then
  CHECK(reason("job", 0) ==
        "would fit on node c; waits with the others of its gang until those have ended who stop for them");
  CHECK(reason("job", 1) == "waits on node a for 1 replica of lower priority to end");
  CHECK(reason("job", 2) == "waits on node a for what is stopping there to end");
  world.replica("mid");
  CHECK(step().empty());  // c is not for those who come later
  ends("low", 0);
  CHECK(step() == Steps{together("job", 0, "a"), together("job", 1, "c"), together("job", 2, "a")});
  CHECK(step().empty());
}

TEST_CASE_FIXTURE(PassGangTest, "For a gang that would not be whole all the same nobody is stopped") {
  world.node("a", with(1000)).node("b", with(1000));
  world.workload("low", spec_of(900, 1)).workload("high", spec_of(900, 3)).workload("job", gang(2, 600, 2));
  world.replica("low", SnapshotBuilder::running("a")).replica("high", SnapshotBuilder::running("b"));
  members("job", 2);
  CHECK(step().empty());
  CHECK(reason("job").starts_with(
      "all or nothing: 1 of 2 would fit, some of them once others have ended; no node fits"));
  // What it does not use is there for those after it.
  world.workload("one", spec_of(600, 2)).replica("one");
  CHECK(step() == Steps{stop("low", 0, "one", 0)});
}

TEST_CASE_FIXTURE(PassGangTest,
                  "A gang takes no more from a workload than its floor leaves, counted together") {
  world.node("a", with(1000)).node("b", with(1000));
  world.workload("low", spec_of(900, 1, 1)).workload("job", gang(2, 600, 2));
  world.replica("low", SnapshotBuilder::running("a")).replica("low", SnapshotBuilder::running("b"));
  members("job", 2);
  CHECK(step().empty());
  CHECK(reason("job").find("the availability of their workloads does not allow it now") != std::string::npos);
  now += 1000;
  world.node("c", with(900)).replica("low", SnapshotBuilder::running("c"));
  CHECK(step() == Steps{stop("low", 2, "job", 0), stop("low", 0, "job", 1)});
}

TEST_CASE_FIXTURE(PassGangTest, "Of those who would go for a gang none is stopped whom all of it can spare") {
  world.node("a", with(1200));
  world.workload("small", spec_of(400, 1)).workload("big", spec_of(800, 2)).workload("job", gang(2, 400, 3));
  world.replica("small", SnapshotBuilder::running("a")).replica("big", SnapshotBuilder::running("a"));
  members("job", 2);
  // The first alone would have the small one stopped; the second needs the big one, and then both fit.
  CHECK(step() == Steps{stop("big", 0, "job", 1)});
  ends("big", 0);
  CHECK(step() == Steps{together("job", 0, "a"), together("job", 1, "a")});
}

TEST_CASE_FIXTURE(
    PassGangTest,
    "A gang's stops count against the batch, and one that does not fit into the rest comes next") {
  world.node("a", with(1000)).node("b", with(1000)).node("c", with(1000));
  world.workload("low", spec_of(500, 1)).workload("first", spec_of(400, 3)).workload("job", gang(2, 1000, 2));
  for (const char* node : {"a", "a", "b", "b"}) world.replica("low", SnapshotBuilder::running(node));
  world.replica("first");
  members("job", 2);
  limit = 3;
  CHECK(step() == Steps{assign("first", 0, "c")});  // four stops are too many beside it
  CHECK(step() == Steps{stop("low", 0, "job", 0), stop("low", 1, "job", 0), stop("low", 2, "job", 1),
                        stop("low", 3, "job", 1)});
}

TEST_CASE_FIXTURE(PassGangTest, "A gang whose others never came keeps the places that it waits for") {
  world.node("a", with(1000));
  world.workload("low", spec_of(900, 1)).workload("job", gang(3, 500, 2));
  world.replica("low", SnapshotBuilder::running("a"));
  members("job", 2);
  CHECK(step().empty());
  now += kGangPatience;
  CHECK(step() == Steps{stop("low", 0, "job", 0)});
  world.replica("low");
  ends("low", 0);
  CHECK(step() == Steps{together("job", 0, "a"), together("job", 1, "a")});
}

TEST_CASE_FIXTURE(PassGangTest, "When a place of a gang goes while it waits, another is found for it") {
  world.node("a", with(1000)).node("b", with(1000)).node("c", with(1000));
  world.workload("low", spec_of(900, 1)).workload("job", gang(2, 600, 2));
  for (const char* node : {"a", "b", "c"}) world.replica("low", SnapshotBuilder::running(node));
  members("job", 2);
  CHECK(step() == Steps{stop("low", 0, "job", 0), stop("low", 1, "job", 1)});
  world.node("b", [](Node& n) {
    n.cordoned = true;
    n.description.allocatable.cpu_millicores = 1000;
  });
  CHECK(step() == Steps{stop("low", 2, "job", 1)});
  ends("low", 0);
  ends("low", 2);
  CHECK(step() == Steps{together("job", 0, "a"), together("job", 1, "c")});
}

TEST_CASE("The more a gang's search took, the later it is repeated") {
  const auto rests = [](const std::function<void(WorkloadSpec&)>& rules) {
    PassGangTest on;
    for (int i = 0; i < 5000; ++i) on.world.node("small-" + std::to_string(i), with(100));
    on.world.workload("low", spec_of(900, 1)).workload("job", [&](WorkloadSpec& s) {
      gang(5, 600, 2)(s);
      rules(s);
    });
    for (const char* node : {"a", "b", "c", "d"})
      on.world.node(node, with(1000)).replica("low", SnapshotBuilder::running(node));
    on.members("job", 5);
    CHECK(on.step().empty());
    on.world.node("e", with(100));
    CHECK(on.step().empty());
    REQUIRE(on.scheduler.wake_at());
    return *on.scheduler.wake_at() - on.now;
  };
  CHECK(rests([](WorkloadSpec&) {}) == 1000);
  CHECK(rests([](WorkloadSpec& s) {
          s.pod.placement.anti_affinity = {{Topology::node, true, {{"app", "nobody"}}, {}, 1}};
        }) == 2000);
}

TEST_CASE("Whatever goes for a gang is needed, and is enough") {
  int evicting = 0, several = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto pick = [&](std::uint64_t n) { return random() % n; };
    PassGangTest test;
    const std::uint64_t nodes = 1 + pick(3);
    for (std::uint64_t n = 0; n < nodes; ++n)
      test.world.node("n" + std::to_string(n), with(400 + 100 * static_cast<std::int64_t>(pick(10))));
    std::map<std::string, std::int64_t> left;
    for (std::uint64_t n = 0; n < nodes; ++n) {
      const std::string name = "n" + std::to_string(n);
      left[name] = test.world.view().node(NodeId{name})->description.allocatable.cpu_millicores;
    }
    for (std::uint64_t w = 0; w < 4; ++w) {
      const std::string name = "low" + std::to_string(w);
      const auto size = 100 + 100 * static_cast<std::int64_t>(pick(4));
      test.world.workload(name, spec_of(size, static_cast<std::uint32_t>(pick(3))));
      for (std::uint64_t i = 0; i < 3; ++i) {
        const std::string node = "n" + std::to_string(pick(nodes));
        if (left[node] < size) continue;
        left[node] -= size;
        test.world.replica(name, SnapshotBuilder::running(node));
      }
    }
    const auto members = static_cast<std::uint32_t>(1 + pick(4));
    const auto wanted = 100 + 100 * static_cast<std::int64_t>(pick(4));
    test.world.workload("job", gang(members, wanted, 3));
    test.members("job", static_cast<int>(members));
    std::map<std::string, std::vector<std::int64_t>> victims;
    for (const auto& item : test.propose())
      if (const auto* stop = std::get_if<StopReplica>(&item)) {
        const auto victim = test.world.view().replica(stop->replica);
        const auto version = test.world.view().version(victim->workload, victim->version);
        victims[victim->node.value].push_back(version->pod.requests.cpu_millicores);
      }
    if (victims.empty()) continue;
    ++evicting;
    std::int64_t places = 0;
    for (auto& [node, room] : left) {
      for (const auto size : victims[node]) room += size;
      places += room / wanted;
    }
    CHECK(places >= members);
    for (const auto& [node, sizes] : victims) {
      several += sizes.size() > 1 ? 1 : 0;
      for (const auto size : sizes)
        CHECK(places - left[node] / wanted + (left[node] - size) / wanted < members);
    }
  }
  CHECK(evicting > 100);
  CHECK(several > 20);
}
