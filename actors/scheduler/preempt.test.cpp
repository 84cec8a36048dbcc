#include "actors/scheduler/preempt.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "actors/scheduler/filter.hpp"
#include "actors/scheduler/pass_fixture.test.hpp"
#include "actors/workload_state/budget.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;

namespace {

constexpr Millis kNow = 1'000'000;

/// The eviction for the first replica of "high".
std::optional<Eviction> eviction_for_high(const SnapshotBuilder& world, Floors floors = Floors::respected) {
  Model model;
  model.load(world.view());
  return cheapest_eviction(model, {SnapshotBuilder::uid("high"), 0}, kNow, floors);
}

using Slots = std::vector<ReplicaSlot>;
ReplicaSlot slot(const std::string& workload, std::uint64_t ordinal) {
  return {SnapshotBuilder::uid(workload), ordinal};
}

}  // namespace

TEST_CASE("Victims are of strictly lower priority, and none of them can be spared") {
  SnapshotBuilder world;
  world.node("a").workload("high", spec_of(500, 10)).replica("high");
  world.workload("same", spec_of(400, 10)).workload("low", spec_of(200, 3)).workload("mid", spec_of(200, 5));
  world.replica("same", SnapshotBuilder::running("a"));
  CHECK_FALSE(eviction_for_high(world).has_value());
  world.replica("low", SnapshotBuilder::running("a")).replica("mid", SnapshotBuilder::running("a"));
  auto found = eviction_for_high(world);
  REQUIRE(found);
  CHECK(found->node == NodeId{"a"});
  CHECK(found->victims == Slots{slot("low", 0), slot("mid", 0)});  // 300 must go
  world.workload("high", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 400; }).replica("high");
  Model model;
  model.load(world.view());
  found = cheapest_eviction(model, slot("high", 1), kNow);
  REQUIRE(found);
  CHECK(found->victims == Slots{slot("low", 0)});
  world.workload("high", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 700; }).replica("high");
  model.load(world.view());
  CHECK_FALSE(cheapest_eviction(model, slot("high", 2), kNow).has_value());
  CHECK_FALSE(cheapest_eviction(model, slot("low", 0), kNow).has_value());  // nothing is below
}

TEST_CASE("The node is the one where least is lost: highest priority, number, sum, score, ordinal") {
  const auto world_of = [](const std::vector<std::vector<std::pair<int, std::uint32_t>>>& nodes) {
    SnapshotBuilder world;
    world.workload("high", spec_of(1000, 100)).replica("high");
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      const std::string node = "n" + std::to_string(n);
      world.node(node, [&](Node& record) { record.ordinal = n + 1; });
      for (const auto& [millicores, priority] : nodes[n]) {
        const std::string name = "p" + std::to_string(priority) + "x" + std::to_string(millicores) + "y";
        world.workload(name, spec_of(millicores, priority)).replica(name, SnapshotBuilder::running(node));
      }
    }
    return world;
  };
  const struct {
    std::vector<std::vector<std::pair<int, std::uint32_t>>> nodes;
    const char* best;
  } cases[] = {
      {{{{1000, 9}}, {{300, 2}, {700, 8}}}, "n1"},           // 8 is below 9, though there are two
      {{{{400, 5}, {600, 5}}, {{1000, 5}}}, "n1"},           // one rather than two
      {{{{500, 5}, {500, 4}}, {{500, 5}, {500, 3}}}, "n1"},  // 8 rather than 9 together
      {{{{1000, 5}}, {{1000, 5}}}, "n0"},                    // all the same
      {{{{1000, 100}}, {{1000, 101}}, {{1000, 99}}}, "n2"},  // the only one that may go
      {{{{600, 5}, {400, 1}, {400, 1}}, {{900, 4}, {100, 4}}}, "n1"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.best);
    const auto found = eviction_for_high(world_of(c.nodes));
    REQUIRE(found);
    CHECK(found->node == NodeId{c.best});
  }
  auto world = world_of({{{1000, 5}}, {{1000, 5}}});
  world.node("n0", [](Node& n) { n.recent_losses = 5; });
  CHECK(eviction_for_high(world)->node == NodeId{"n1"});  // the better score
}

TEST_CASE("Nobody is taken from a workload below its floor, but may be where it does not count") {
  SnapshotBuilder world;
  world.node("a").workload("high", spec_of(800, 10)).replica("high").workload("low", spec_of(300, 0, 1));
  for (int i = 0; i < 3; ++i) world.replica("low", SnapshotBuilder::running("a"));
  // 800 of 1000: all three would have to go, and one must stay.
  CHECK_FALSE(eviction_for_high(world).has_value());
  CHECK(eviction_for_high(world, Floors::ignored)->victims.size() == 3);
  world.node("b").replica("low", SnapshotBuilder::running("b"));
  CHECK(eviction_for_high(world)->node == NodeId{"b"});
  world.node("b", [](Node& n) { n.cordoned = true; });
  CHECK(eviction_for_high(world)->victims == Slots{slot("low", 0), slot("low", 1), slot("low", 2)});
  world.change_replica(SnapshotBuilder::id("low", 3), [](Replica& r) { r.ready = false; });
  CHECK_FALSE(eviction_for_high(world).has_value());
  world.change_replica(SnapshotBuilder::id("low", 1), [](Replica& r) { r.ready = false; });
  CHECK_FALSE(eviction_for_high(world).has_value());
  world.change_replica(SnapshotBuilder::id("low", 0), [](Replica& r) { r.ready = false; });
  world.change_replica(SnapshotBuilder::id("low", 2), [](Replica& r) { r.ready = false; });
  CHECK(eviction_for_high(world)->victims.size() == 3);  // none of them serves
  world.workload("low", [](WorkloadSpec& s) { s.rollout.min_ready = 5000; });
  world.change_replica(SnapshotBuilder::id("low", 0), [](Replica& r) {
    r.ready = true;
    r.ready_at = kNow - 4999;
  });
  CHECK(eviction_for_high(world)->victims.size() == 3);  // not ready for long enough to count
  world.change_replica(SnapshotBuilder::id("low", 0), [](Replica& r) { r.ready_at = kNow - 5000; });
  CHECK_FALSE(eviction_for_high(world).has_value());
}

TEST_CASE("What is stopping anyway costs nothing") {
  SnapshotBuilder world;
  world.node("a")
      .node("b")
      .workload("high", spec_of(800, 10))
      .replica("high")
      .workload("low", spec_of(600, 0));
  world.replica("low", SnapshotBuilder::running("a")).replica("low", SnapshotBuilder::running("b"));
  world.change_replica(SnapshotBuilder::id("low", 1), [](Replica& r) { r.stop = StopCause::rollout; });
  const auto found = eviction_for_high(world);
  REQUIRE(found);
  CHECK(found->node == NodeId{"b"});
  CHECK(found->victims.empty());
}

TEST_CASE("Room, GPUs, host ports and company can be made; rules about the node itself cannot") {
  SnapshotBuilder world;
  world.node("a", [](Node& n) { n.description.allocatable.gpu_count = 2; });
  world.workload("high", spec_of(1, 10)).replica("high");
  world.workload("low", [](WorkloadSpec& s) {
    spec_of(1, 0)(s);
    s.labels = {{"app", "low"}};
  });
  world.replica("low", [](Replica& r) {
    SnapshotBuilder::running("a")(r);
    r.gpus = std::vector<std::uint8_t>{1};
  });
  const auto helps = [&](const std::function<void(WorkloadSpec&)>& high,
                         const std::function<void(WorkloadSpec&)>& low = {}) {
    SnapshotBuilder changed;
    changed.commit({put(world.view().node(NodeId{"a"}))});
    changed.workload("high", [&](WorkloadSpec& s) {
      spec_of(1, 10)(s);
      s.labels = {{"app", "high"}};
      high(s);
    });
    changed.workload("low", [&](WorkloadSpec& s) {
      spec_of(1, 0)(s);
      s.labels = {{"app", "low"}};
      if (low) low(s);
    });
    changed.replica("high").replica("low", [](Replica& r) {
      SnapshotBuilder::running("a")(r);
      r.gpus = std::vector<std::uint8_t>{1};
    });
    const auto found = eviction_for_high(changed);
    return found ? std::to_string(found->victims.size()) : std::string("no");
  };
  const auto away = [](const char* app) {
    return [=](WorkloadSpec& s) {
      s.pod.placement.anti_affinity = {{Topology::node, true, {{"app", app}}, {}, 1}};
    };
  };
  const auto port = [](WorkloadSpec& s) { s.pod.ports = {{"p", 80, Protocol::tcp, std::uint16_t{80}}}; };
  const auto gpus = [](std::int64_t count) {
    return [=](WorkloadSpec& s) { s.pod.requests.gpu_count = count; };
  };
  CHECK(helps([](WorkloadSpec&) {}) == "0");
  CHECK(helps(away("low")) == "1");
  CHECK(helps([](WorkloadSpec&) {}, away("high")) == "1");
  CHECK(helps(port, port) == "1");
  CHECK(helps(gpus(1), gpus(1)) == "0");
  CHECK(helps(gpus(2), gpus(1)) == "1");
  CHECK(helps(gpus(3), gpus(1)) == "no");
  CHECK(helps([](WorkloadSpec& s) { s.pod.placement.zones = {"elsewhere"}; }) == "no");
  // The company that it requires is not evicted.
  CHECK(helps([](WorkloadSpec& s) {
          s.pod.requests.cpu_millicores = 1000;
          s.pod.placement.affinity = {{Topology::node, true, {{"app", "low"}}, {}, 1}};
        }) == "no");
}

namespace {

/// A few crowded nodes, and one replica of priority 3 that waits.
class SmallWorld {
 public:
  explicit SmallWorld(std::uint64_t seed) : random_(seed) {
    for (std::uint64_t n = 1 + pick(3); n > 0; --n) add_node("n" + std::to_string(n));
    world.workload("high", [&](WorkloadSpec& s) { dress(s, 3, 900); }).replica("high");
    for (int w = 0; w < 4; ++w) {
      const std::string name = "w" + std::to_string(w);
      world.workload(name, [&](WorkloadSpec& s) { dress(s, static_cast<std::uint32_t>(pick(5)), 500); });
      for (std::uint64_t r = pick(5); r > 0; --r)
        world.replica(name, [&](Replica& replica) { run(replica); });
    }
  }
  SnapshotBuilder world;

 private:
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  void add_node(const std::string& id) {
    world.node(id, [&](Node& n) {
      n.description.zone = "z" + std::to_string(pick(2));
      n.description.allocatable.cpu_millicores = 600 + static_cast<std::int64_t>(pick(600));
      n.description.allocatable.gpu_count = static_cast<std::int64_t>(pick(3));
      n.cordoned = pick(8) == 0;
      n.ordinal = pick(100);
    });
  }
  void dress(WorkloadSpec& s, std::uint32_t priority, std::int64_t most) {
    s.priority = priority;
    s.replicas = 1 + static_cast<std::uint32_t>(pick(4));
    s.rollout.min_available = static_cast<std::uint32_t>(pick(3));
    s.labels = {{"app", std::to_string(pick(2))}};
    s.pod.requests = Resources{1 + static_cast<std::int64_t>(pick(static_cast<std::uint64_t>(most))),
                               static_cast<std::int64_t>(pick(400)) << 20,
                               0,
                               0,
                               static_cast<std::int64_t>(pick(4) == 0 ? 1 : 0),
                               0};
    if (pick(4) == 0) s.pod.ports = {{"p", 80, Protocol::tcp, static_cast<std::uint16_t>(80 + pick(2))}};
    const Topology topology = pick(2) == 0 ? Topology::node : Topology::zone;
    if (pick(4) == 0)
      s.pod.placement.anti_affinity = {{topology, true, {{"app", std::to_string(pick(2))}}, {}, 1}};
    if (pick(6) == 0) s.pod.placement.affinity = {{topology, true, {{"app", "1"}}, {}, 1}};
  }
  void run(Replica& r) {
    SnapshotBuilder::running("n" + std::to_string(1 + pick(3)), pick(3) != 0)(r);
    r.gpus = std::vector<std::uint8_t>{static_cast<std::uint8_t>(pick(2))};
    if (pick(8) == 0) r.stop = StopCause::scale;
  }
  std::mt19937_64 random_;
};

/// Tries every set of replicas: what the law allows and what fits then, by the filters of the whole model.
class Oracle {
 public:
  explicit Oracle(const SnapshotBuilder& world) : world_(world) {
    model_.load(world.view());
    world.view().replicas().for_each([&](const ReplicaSlot& slot, const std::shared_ptr<const Replica>& r) {
      if (r->is_leaving()) model_.lift(slot);
    });
    const Demand demand = demand_of(model_, high_, kNow);
    world.view().replicas().for_each([&](const ReplicaSlot& slot, const std::shared_ptr<const Replica>& r) {
      const auto record = world.view().workload(r->workload);
      if (r->node.empty() || r->is_leaving() || record->spec.priority >= 3) return;
      for (const auto& towards : demand.required)
        if (selects(towards.term->workload_selector, record->spec.labels)) return;
      candidates_[r->node].push_back(slot);
    });
  }

  bool works(const NodeId& node, const Slots& victims) {
    workload_state::Budget budget(kNow);
    Snapshot head = world_.view();
    for (const auto& slot : victims) {
      const auto replica = *head.replicas().find(slot);
      if (!budget.permit(head, *head.workload(slot.workload), *replica, StopCause::preempted)) return false;
    }
    for (const auto& slot : victims) model_.lift(slot);
    const auto view = model_.nodes().find(node);
    const bool fits = view->second.node && !rejection(demand_of(model_, high_, kNow), view->second);
    for (const auto& slot : victims) model_.withdraw(slot);
    return fits;
  }

  struct Best {
    int highest = 1000;
    std::size_t victims = 0;
    std::uint64_t sum = 0;
    auto operator<=>(const Best&) const = default;
  };
  Best value(const Slots& victims) const {
    Best out{-1, victims.size(), 0};
    for (const auto& slot : victims) {
      const auto priority = world_.view().workload(slot.workload)->spec.priority;
      out.highest = std::max(out.highest, static_cast<int>(priority));
      out.sum += priority;
    }
    return out;
  }
  /// The lowest highest priority with which some node can be cleared.
  int lowest_highest() {
    int best = 1000;
    for (const auto& [id, view] : model_.nodes()) {
      if (!view.node) continue;
      const auto& candidates = candidates_[id];
      for (std::uint32_t set = 0; set < (1U << candidates.size()); ++set) {
        const auto chosen = subset(candidates, set);
        if (const int highest = value(chosen).highest; highest < best && works(id, chosen)) best = highest;
      }
    }
    return best;
  }
  bool can_be_spared(const NodeId& node, const Slots& victims) {
    for (std::uint32_t set = 0; set + 1 < (1U << victims.size()); ++set)
      if (works(node, subset(victims, set))) return true;
    return false;
  }

 private:
  static Slots subset(const Slots& of, std::uint32_t set) {
    Slots out;
    for (std::size_t i = 0; i < of.size(); ++i)
      if ((set >> i & 1) != 0) out.push_back(of[i]);
    return out;
  }
  const SnapshotBuilder& world_;
  ReplicaSlot high_ = slot("high", 0);
  Model model_;
  std::map<NodeId, Slots> candidates_;
};

}  // namespace

TEST_CASE("No set of victims has a lower highest priority, and no part of the chosen set would do") {
  int found = 0, none = 0, several = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    CAPTURE(seed);
    const SmallWorld small(seed);
    Oracle oracle(small.world);
    const int highest = oracle.lowest_highest();
    Model model;
    model.load(small.world.view());
    Allowance allowance(model, kNow, Floors::respected);
    const auto eviction = EvictionSearch(model, slot("high", 0), allowance, kNow).best();
    CHECK(eviction.has_value() == (highest < 1000));
    if (!eviction) {
      ++none;
      continue;
    }
    ++found;
    several += eviction->victims.size() > 1 ? 1 : 0;
    CHECK(oracle.works(eviction->node, eviction->victims));
    CHECK(oracle.value(eviction->victims).highest == highest);
    CHECK_FALSE(oracle.can_be_spared(eviction->node, eviction->victims));
  }
  CHECK(found > 500);
  CHECK(none > 100);
  CHECK(several > 50);
}
