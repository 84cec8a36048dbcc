#include "actors/scheduler/compile.hpp"

#include <doctest/doctest.h>

#include <random>

#include "actors/scheduler/object_scheduler.hpp"
#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;
using cloudless::test::SnapshotBuilder;

namespace {

/// A small cluster in which everything that decides on places happens sooner or later.
class Turmoil {
 public:
  explicit Turmoil(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 5; ++i) put_node();
  }
  SnapshotBuilder world;

  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  bool once_in(std::uint64_t n) { return pick(n) == 0; }

  void step() {
    const auto what = pick(20);
    if (what < 2)
      put_node();
    else if (what == 2)
      remove_node();
    else if (what < 5)
      put_workload();
    else if (what < 11)
      add_replica();
    else
      change_replica();
  }

 private:
  std::string word(const char* stem, std::uint64_t n) { return stem + std::to_string(pick(n)); }
  NodeId node() { return NodeId{word("n", 12)}; }

  void put_node() {
    const NodeId id = node();
    const bool is_new = !world.view().node(id);
    world.node(id.value, [&](Node& n) {
      if (is_new) n.ordinal = once_in(10) ? 0 : ++ordinals_;
      if (is_new || once_in(3)) describe(n);
      n.cordoned = once_in(8);
      n.draining = once_in(12);
      n.state = once_in(8) ? NodeState::offline : NodeState::ready;
      n.recent_losses = static_cast<std::uint32_t>(once_in(3) ? pick(7) : 0);
      n.link_rtt_ms = static_cast<std::uint32_t>(once_in(3) ? pick(150) : 0);
    });
  }
  void describe(Node& n) {
    auto& d = n.description;
    d.region = word("r", 2);
    d.zone = once_in(6) ? "" : word("z", 3);
    d.architecture = once_in(4) ? "arm64" : "amd64";
    d.cost_milli = once_in(3) ? pick(3000) : 0;
    d.cpu_overcommit_percent = once_in(4) ? 150 : 100;
    d.allocatable = {static_cast<std::int64_t>(pick(4000)),
                     static_cast<std::int64_t>(pick(4) << 29),
                     static_cast<std::int64_t>(pick(3) << 30),
                     static_cast<std::int64_t>(pick(3) * 1'000'000),
                     once_in(2) ? static_cast<std::int64_t>(pick(4)) : 0,
                     0};
    if (once_in(2)) d.allocatable.cpu_millicores += 60'000;
    if (once_in(3)) d.runtime_classes = {"kata"};
    if (once_in(3)) d.policy = NodePolicy{{{"/data", once_in(2)}}, once_in(2), false, false, false};
    n.labels = {{"disk", word("d", 2)}, {"rank", std::to_string(pick(4))}};
    n.taints.clear();
    for (std::uint64_t i = once_in(3) ? pick(3) : 0; i > 0; --i)
      n.taints.push_back({word("t", 2), "", static_cast<TaintEffect>(1 + pick(3))});
  }
  void remove_node() {
    const NodeId id = node();
    if (world.view().node(id)) world.commit({erase(node_key(id))});
  }

  LabelExpression expression() {
    constexpr LabelOperator ops[] = {LabelOperator::in, LabelOperator::not_in, LabelOperator::exists,
                                     LabelOperator::greater, LabelOperator::less};
    const auto op = ops[pick(std::size(ops))];
    if (op == LabelOperator::exists) return {word("d", 1) == "d0" ? "disk" : "x", op, {}};
    if (op == LabelOperator::greater || op == LabelOperator::less)
      return {"rank", op, {std::to_string(1 + pick(2))}};
    return {"disk", op, {word("d", 2)}};
  }
  AffinityTerm term(bool towards_nodes) {
    AffinityTerm t;
    t.topology = static_cast<Topology>(1 + pick(3));
    t.required = once_in(3);
    t.weight = static_cast<std::uint32_t>(1 + pick(100));
    if (towards_nodes && once_in(2))
      t.node_expressions = {expression()};
    else
      t.workload_selector =
          once_in(3) ? Labels{{"app", word("a", 3)}, {"tier", word("t", 2)}} : Labels{{"app", word("a", 3)}};
    return t;
  }
  Placement placement() {
    Placement p;
    if (once_in(5)) p.regions = {"r1", "r0"};
    if (once_in(8)) p.regions = {"r0"};
    if (once_in(5)) p.zones = {"z1", "z0", "z2"};
    if (once_in(8)) p.zones = {"z2"};
    if (once_in(8)) p.architectures = {"amd64"};
    if (once_in(8)) p.node_selector = {{"disk", "d1"}};
    for (std::uint64_t i = once_in(2) ? pick(3) : 0; i > 0; --i) p.affinity.push_back(term(true));
    for (std::uint64_t i = once_in(3) ? pick(3) : 0; i > 0; --i) p.anti_affinity.push_back(term(false));
    if (once_in(3)) p.tolerations = {{once_in(4) ? "" : word("t", 2), "", {}, {}}};
    if (once_in(4)) p.tolerations.push_back({word("t", 2), "", TaintEffect::no_execute, 30});
    p.spread = static_cast<Spread>(1 + pick(4));
    if (p.spread != Spread::none && once_in(3)) p.max_skew = static_cast<std::uint32_t>(1 + pick(2));
    return p;
  }
  Scoring scoring() {
    Scoring s;
    for (auto* weight : {&s.locality, &s.reliability, &s.cost, &s.utilization, &s.network})
      if (once_in(5)) *weight = static_cast<std::uint32_t>(pick(1001));
    if (once_in(3)) s.mode = once_in(2) ? Utilization::balance : Utilization::pack;
    return s;
  }
  std::string workload() { return word("w", 7); }
  void put_workload() {
    const auto name = workload();
    const bool is_new = !world.view().workload(SnapshotBuilder::uid(name));
    world.workload(name, [&](WorkloadSpec& s) {
      s.labels = {{"app", word("a", 3)}, {"tier", word("t", 2)}};
      s.priority = static_cast<std::uint32_t>(once_in(3) ? pick(3) : 0);
      if (is_new || once_in(3)) s.scoring = scoring();
      if (!is_new && !once_in(3)) return;
      s.pod.image = word("image:", 4);
      s.pod.placement = placement();
      s.pod.requests = {static_cast<std::int64_t>(pick(600)), static_cast<std::int64_t>(pick(300) << 20), 0,
                        0};
      if (once_in(8)) s.pod.requests.storage_bytes = 1 << 28;
      if (once_in(8)) s.pod.requests.bandwidth_bps = 300'000;
      if (once_in(4)) s.pod.requests.gpu_count = static_cast<std::int64_t>(1 + pick(2));
      if (s.pod.requests.gpu_count == 0 && once_in(4))
        s.pod.requests.gpu_milli = static_cast<std::int64_t>(1 + pick(999));
      s.pod.runtime_class = once_in(10) ? "kata" : "";
      s.pod.host_network = once_in(12);
      s.pod.ports.clear();
      if (once_in(5)) s.pod.ports = {{"p", 80, Protocol::tcp, static_cast<std::uint16_t>(80 + pick(2))}};
      s.pod.volumes.clear();
      if (once_in(10)) s.pod.volumes = {{"v", "/v", once_in(2), HostPath{"/data/x"}}};
    });
  }
  void add_replica() {
    const auto name = workload();
    if (!world.view().workload(SnapshotBuilder::uid(name))) return;
    for (auto n = 1 + pick(3); n > 0; --n)
      world.replica(name, [&](Replica& r) { r.created_at = static_cast<WallMillis>(pick(3)); });
  }
  void change_replica() {
    const auto replicas = world.view().replicas_of(SnapshotBuilder::uid(workload()));
    if (replicas.empty()) return;
    const auto& replica = *replicas[pick(replicas.size())];
    if (once_in(10)) {
      world.commit({erase(replica_key(replica.id))});
      return;
    }
    world.change_replica(replica.id, [&](Replica& r) {
      if (r.node.empty()) {
        r.node = node();
        r.phase = Phase::assigned;
        if (once_in(3)) r.gpus = std::vector<std::uint8_t>{static_cast<std::uint8_t>(pick(3))};
        return;
      }
      constexpr Phase phases[] = {Phase::preparing, Phase::starting, Phase::running, Phase::running,
                                  Phase::failed,    Phase::failed,   Phase::stopped};
      if (!is_terminal(r.phase)) r.phase = phases[pick(std::size(phases))];
      if (is_terminal(r.phase) && r.ended_at == 0) r.ended_at = now_ += static_cast<Millis>(pick(9000));
      if (once_in(6)) r.stop = StopCause::scale;
    });
  }

  std::mt19937_64 random_;
  std::uint64_t ordinals_ = 0;
  Millis now_ = 1;

 public:
  Millis now() {
    now_ += static_cast<Millis>(pick(4000));
    return now_;
  }
};

struct Tally {
  std::uint64_t decisions = 0, placed = 0;
};

/// Every pending replica, in order, by both; some of what they say is assumed.
void compare(Turmoil& turmoil, Model& model, Compiled& compiled, Tally& tally) {
  const Millis now = turmoil.now();
  std::vector<ReplicaSlot> order, assumed;
  for (const auto& pending : model.pending()) order.push_back(pending.slot);
  for (const auto& slot : order) {
    CAPTURE(slot.workload.value);
    CAPTURE(slot.ordinal);
    const auto wanted = choose(demand_of(model, slot, now)).best;
    const auto got = compiled.best(slot, now);
    ++tally.decisions;
    REQUIRE(got.has_value() == wanted.has_value());
    if (!got) continue;
    ++tally.placed;
    REQUIRE(got->node == wanted->node);
    REQUIRE(got->score == wanted->terms.total());
    REQUIRE(got->gpus == wanted->gpus);
    if (turmoil.once_in(4)) continue;
    model.assume(slot, got->node, got->gpus);
    assumed.push_back(slot);
  }
  for (const auto& slot : assumed) model.withdraw(slot);
}

}  // namespace

TEST_CASE("The engine chooses the node that a loop over all nodes chooses, whatever happens to the cluster") {
  Tally tally;
  std::uint64_t builds = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Turmoil turmoil(seed);
    Model model;
    Compiled compiled(model);
    model.load(turmoil.world.view());
    std::size_t seen = turmoil.world.commits().size();
    for (int step = 0; step < 150; ++step) {
      CAPTURE(step);
      turmoil.step();
      for (; seen < turmoil.world.commits().size(); ++seen)
        model.apply(turmoil.world.commits()[seen], turmoil.world.view());
      if (turmoil.once_in(60)) model.load(turmoil.world.view());
      compare(turmoil, model, compiled, tally);
    }
    builds += compiled.builds();
  }
  MESSAGE(tally.decisions << " decisions compared, " << tally.placed << " placed; " << builds << " builds");
  CHECK(tally.placed > tally.decisions / 5);
}
