#include "actors/scheduler/model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;
using cloudless::test::SnapshotBuilder;

namespace {

std::set<ReplicaSlot> slots_of(const NodeView& view) {
  std::set<ReplicaSlot> out;
  for (const auto* tenant : view.tenants) out.insert({tenant->replica->workload, tenant->replica->ordinal});
  CHECK(out.size() == view.tenants.size());
  return out;
}

void check_same_nodes(const Model& a, const Model& b) {
  REQUIRE(a.nodes().size() == b.nodes().size());
  for (const auto& [id, view] : a.nodes()) {
    CAPTURE(id.value);
    REQUIRE(b.nodes().contains(id));
    const auto& other = b.nodes().at(id);
    CHECK(view.node == other.node);
    CHECK(view.room == other.room);
    CHECK(view.reserved == other.reserved);
    CHECK(view.gpu_used == other.gpu_used);
    CHECK(view.host_ports == other.host_ports);
    CHECK(view.present == other.present);
    CHECK(view.guards == other.guards);
    CHECK(view.images == other.images);
    CHECK(slots_of(view) == slots_of(other));
  }
}

void check_same(const Model& a, const Model& b) {
  check_same_nodes(a, b);
  CHECK(a.pending() == b.pending());
  REQUIRE(a.workloads().size() == b.workloads().size());
  for (const auto& [uid, workload] : a.workloads()) {
    CAPTURE(uid.value);
    REQUIRE(b.workloads().contains(uid));
    const auto& other = b.workloads().at(uid);
    CHECK(workload.record == other.record);
    CHECK(workload.live == other.live);
    CHECK(workload.guards == other.guards);
    CHECK(workload.pending == other.pending);
    CHECK(workload.stranded == other.stranded);
    CHECK(workload.holding == other.holding);
    CHECK(workload.standing == other.standing);
    CHECK(workload.ready == other.ready);
    CHECK(workload.finished == other.finished);
    CHECK(workload.lost == other.lost);
    CHECK(workload.recovers == other.recovers);
    for (std::uint64_t version = 1; version < 5; ++version)
      CHECK(a.failures({uid, version}) == b.failures({uid, version}));
    for (const char* tier : {"0", "1"}) {
      const auto mine = a.selected("default", {{"tier", tier}}),
                 theirs = b.selected("default", {{"tier", tier}});
      REQUIRE(mine.size() == theirs.size());
      for (std::size_t i = 0; i < mine.size(); ++i) CHECK(mine[i]->record == theirs[i]->record);
    }
  }
  CHECK(a.guards("default") == b.guards("default"));
  for (std::uint32_t priority = 0; priority < 4; ++priority)
    CHECK(a.has_tenants_below(priority) == b.has_tenants_below(priority));
  for (std::uint64_t i = 0; i < 40; ++i) {
    const auto winner = SnapshotBuilder::id("w0", i);
    CHECK(a.stopping_for(winner) == b.stopping_for(winner));
  }
}

class RandomWorld {
 public:
  explicit RandomWorld(std::uint64_t seed) : random_(seed) {}
  SnapshotBuilder world;

  void step() {
    switch (pick(8)) {
      case 0:
        return change_workload();
      case 1:
        return change_node();
      case 2:
        if (pick(3) == 0) world.commit({erase(node_key(node()))});
        return;
      case 3:
      case 4:
        return add_replica();
      default:
        return change_replica();
    }
  }
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  NodeId node() { return NodeId{"n" + std::to_string(pick(4))}; }

 private:
  std::string name() { return "w" + std::to_string(pick(3)); }
  void change_workload() {
    world.workload(name(), [&](WorkloadSpec& s) {
      s.labels = {{"tier", std::to_string(pick(2))}};
      s.priority = static_cast<std::uint32_t>(pick(3));
      if (pick(3) != 0) return;
      s.pod.image = "image:" + std::to_string(pick(2));
      s.pod.requests.cpu_millicores = static_cast<std::int64_t>(pick(300));
      s.pod.requests.gpu_milli = static_cast<std::int64_t>(pick(2) * 300);
      s.pod.host_network = pick(4) == 0;
      s.pod.ports = {{"p", 80, Protocol::tcp, static_cast<std::uint16_t>(pick(3))}};
      s.pod.placement.anti_affinity.clear();
      if (pick(2) == 0)
        s.pod.placement.anti_affinity = {{Topology::zone, true, {{"tier", std::to_string(pick(2))}}, {}, 1}};
    });
  }
  void change_node() {
    world.node(node().value, [&](Node& n) {
      n.cordoned = pick(2) == 0;
      n.description.zone = "z" + std::to_string(pick(2));
      n.state = pick(3) == 0 ? NodeState::offline : NodeState::ready;
      n.description.allocatable.gpu_count = static_cast<std::int64_t>(pick(3));
    });
  }
  void add_replica() {
    const auto to = name();
    if (world.view().workload(SnapshotBuilder::uid(to)))
      world.replica(to, [&](Replica& r) { r.created_at = static_cast<WallMillis>(pick(3)); });
  }
  void change_replica() {
    const auto replicas = world.view().replicas_of(SnapshotBuilder::uid(name()));
    if (replicas.empty()) return;
    const auto& replica = *replicas[pick(replicas.size())];
    if (pick(8) == 0) {
      world.commit({erase(replica_key(replica.id))});
      return;
    }
    world.change_replica(replica.id, [&](Replica& r) {
      if (r.node.empty()) {
        r.node = node();
        r.phase = Phase::assigned;
        r.gpus = std::vector<std::uint8_t>{static_cast<std::uint8_t>(pick(2))};
        return;
      }
      constexpr Phase phases[] = {Phase::preparing, Phase::starting, Phase::running, Phase::running,
                                  Phase::failed,    Phase::stopped,  Phase::lost};
      r.phase = phases[pick(std::size(phases))];
      r.ended_at = is_terminal(r.phase) ? static_cast<Millis>(pick(100)) : 0;
      if (pick(4) == 0) r.stop = StopCause::scale;
      if (pick(4) == 0) r.withdrawn = StopCause::rollout;
      if (pick(4) == 0) {
        r.stop = StopCause::preempted;
        r.preempted_for = SnapshotBuilder::id("w0", pick(40));
      }
      r.ready = pick(2) == 0;
    });
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE(
    "A model kept commit by commit is the one that a fresh load makes, also after assumptions are undone") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    RandomWorld random(seed);
    Model kept;
    kept.load(random.world.view());
    std::size_t seen = 0;
    for (int step = 0; step < 150; ++step) {
      random.step();
      for (; seen < random.world.commits().size(); ++seen)
        kept.apply(random.world.commits()[seen], random.world.view());
      std::vector<ReplicaSlot> moved;
      for (const auto& pending : kept.pending()) moved.push_back(pending.slot);
      for (const auto& slot : moved) kept.assume(slot, random.node(), {0});
      for (const auto* tenant : kept.tenants_of(SnapshotBuilder::uid("w1"))) {
        const ReplicaSlot slot{tenant->replica->workload, tenant->replica->ordinal};
        if (!tenant->is_live() || std::find(moved.begin(), moved.end(), slot) != moved.end()) continue;
        kept.assume_leaving(slot);
        moved.push_back(slot);
      }
      for (const auto& slot : moved) kept.withdraw(slot);
      Model fresh;
      fresh.load(random.world.view());
      check_same(kept, fresh);
    }
  }
}

TEST_CASE("A replica that is told to stop keeps its room but no longer counts as live") {
  SnapshotBuilder world;
  world.node("a").workload("web").replica("web", SnapshotBuilder::running("a"));
  world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) { r.withdrawn = StopCause::scale; });
  Model model;
  model.load(world.view());
  const auto& view = model.nodes().at(NodeId{"a"});
  CHECK(view.reserved.cpu == 100);
  CHECK(view.present.at(SnapshotBuilder::uid("web")) == Presence{1, 0});
  CHECK(model.workloads().at(SnapshotBuilder::uid("web")).live.total == 0);
}

TEST_CASE("Requests are rounded up, and what a node has is rounded down and over-committed") {
  const auto amounts = requested({1, (5 << 20) + 1, 1, 1001, 0, 250});
  CHECK(amounts == engine::Amounts{1, 6, 1, 2, 0, 250});
  NodeDescription node;
  node.allocatable = {1000, (5 << 20) + 7, (1 << 20) - 1, 1999, 2};
  CHECK(offered(node) == engine::Amounts{1000, 5, 0, 1, 2, 0});
  node.cpu_overcommit_percent = 250;
  node.memory_overcommit_percent = 200;
  CHECK(offered(node) == engine::Amounts{2500, 10, 0, 1, 2, 0});
}

TEST_CASE(
    "Places are given by priority, then to workloads that lost replicas, then by age, workload and ordinal") {
  SnapshotBuilder world;
  world.node("a").node("gone", [](Node& n) { n.state = NodeState::offline; });
  const auto old = [](WallMillis at) { return [=](Replica& r) { r.created_at = at; }; };
  world.workload("high", [](WorkloadSpec& s) { s.priority = 7; })
      .workload("lost")
      .workload("aa")
      .workload("bb");
  world.replica("lost", SnapshotBuilder::running("gone"));
  world.replica("bb", old(5)).replica("aa", old(5)).replica("aa", old(5)).replica("bb", old(4));
  world.replica("lost", old(9)).replica("high", old(10));
  Model model;
  model.load(world.view());
  std::vector<std::string> order;
  for (const auto& p : model.pending())
    order.push_back(replica_id("", p.slot.workload, p.slot.ordinal).value.substr(1));
  CHECK(order == std::vector<std::string>{"high000000-0", "lost000000-1", "bb00000000-1", "aa00000000-0",
                                          "aa00000000-1", "bb00000000-0"});
}

TEST_CASE("Reports that decide nothing leave the generation alone") {
  SnapshotBuilder world;
  world.node("a").workload("web").replica("web", SnapshotBuilder::running("a"));
  Model model;
  model.load(world.view());
  const auto before = model.generation();
  world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) { r.ready = false; });
  model.apply(world.commits().back(), world.view());
  CHECK(model.generation() == before);
  world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) { r.stop = StopCause::scale; });
  model.apply(world.commits().back(), world.view());
  CHECK(model.generation() > before);
}
