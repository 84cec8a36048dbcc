#include "actors/rollout/reconcile.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <sstream>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

const auto kRunning = SnapshotBuilder::running("a");
const auto kUnready = SnapshotBuilder::running("a", false);

/// "add 2 from 3; stop web/1 rollout; forget web/0; forget version 1; forget workload"
std::string words(const std::vector<ProposalItem>& items) {
  std::ostringstream out;
  const auto ordinal = [](const ReplicaId& id) { return slot_of(id)->ordinal; };
  for (const auto& item : items) {
    if (out.tellp() > 0) out << "; ";
    if (const auto* add = std::get_if<AddReplicas>(&item))
      out << "add " << add->count << " from " << add->first_ordinal;
    if (const auto* stop = std::get_if<StopReplica>(&item))
      out << "stop " << ordinal(stop->replica) << " " << to_string(stop->cause);
    if (const auto* forget = std::get_if<ForgetReplica>(&item)) out << "forget " << ordinal(forget->replica);
    if (const auto* version = std::get_if<ForgetVersion>(&item)) out << "forget version " << version->version;
    if (std::holds_alternative<ForgetWorkload>(item)) out << "forget workload";
  }
  return out.str();
}

bool serves(const Snapshot& view, const Replica& r) {
  const auto node = view.node(r.node);
  return r.phase == Phase::running && r.ready && r.serving && !r.is_leaving() && node &&
         node->state == NodeState::ready;
}

std::string next(const SnapshotBuilder& world) {
  return words(
      rollout::reconcile(world.view(), *world.view().workload(SnapshotBuilder::uid("web")), 1).items);
}

std::function<void(WorkloadSpec&)> replicas(std::uint32_t n) {
  return [=](WorkloadSpec& s) { s.replicas = n; };
}
std::function<void(WorkloadSpec&)> image(const std::string& name) {
  return [=](WorkloadSpec& s) { s.pod.image = name; };
}
std::function<void(Replica&)> stopping(const std::function<void(Replica&)>& base, StopCause cause) {
  return [=](Replica& r) {
    base(r);
    r.stop = cause;
  };
}

SnapshotBuilder world_of(std::uint32_t wanted, const std::vector<std::function<void(Replica&)>>& have) {
  SnapshotBuilder world;
  world.node("a").node("b").workload("web", replicas(wanted)).workload("web", [](WorkloadSpec& s) {
    s.rollout.max_unavailable = IntOrPercent{0, false};
  });
  for (const auto& r : have) world.replica("web", r);
  return world;
}

}  // namespace

TEST_CASE(
    "Count: what is missing is added, what is too much is stopped, the least useful first, then the newest") {
  const auto pending = [](Replica&) {};
  struct Case {
    const char* name;
    std::uint32_t wanted;
    std::vector<std::function<void(Replica&)>> have;
    const char* items;
  };
  const std::vector<Case> cases{
      {"new workload", 3, {}, "add 3 from 0"},
      {"zero replicas", 0, {}, ""},
      {"more than fits one item", 250, {}, "add 99 from 0"},
      {"complete", 2, {kRunning, kRunning}, ""},
      {"not ready yet is not missing", 2, {kRunning, pending}, ""},
      {"one stopped",
       2,
       {kRunning, SnapshotBuilder::ended(Phase::stopped, StopCause::scale)},
       "add 1 from 2"},
      {"one stopping", 2, {kRunning, stopping(kRunning, StopCause::scale)}, "add 1 from 2"},
      {"one lost", 2, {kRunning, SnapshotBuilder::ended(Phase::lost, StopCause::node_lost)}, "add 1 from 2"},
      {"one too many: the newest", 1, {kRunning, kRunning}, "stop 1 scale"},
      {"one too many: the pending one", 1, {pending, kRunning}, "stop 0 scale"},
      {"one too many: the unready one before the pending one's elder",
       1,
       {kUnready, kRunning},
       "stop 0 scale"},
      {"two too many", 1, {kRunning, kUnready, kRunning}, "stop 1 scale; stop 2 scale"},
      {"to zero", 0, {kRunning, pending}, "stop 1 scale; stop 0 scale"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(next(world_of(c.wanted, c.have)) == c.items);
  }
}

TEST_CASE("A replica that ran to completion counts as wanted, also when it failed for good") {
  const auto done = SnapshotBuilder::ended(Phase::succeeded), failed = SnapshotBuilder::ended(Phase::failed);
  const auto job = [](std::uint32_t wanted, const std::vector<std::function<void(Replica&)>>& have) {
    SnapshotBuilder world;
    world.node("a").workload("web", [&](WorkloadSpec& s) {
      s.replicas = wanted;
      s.pod.restart.mode = RestartMode::on_failure;
    });
    for (const auto& r : have) world.replica("web", r);
    return next(world);
  };
  CHECK(job(2, {done, failed}).empty());
  CHECK(job(3, {done, failed}) == "add 1 from 2");
  CHECK(job(1, {done, kUnready}) == "stop 1 scale");
  CHECK(
      job(1, {done, kRunning}).empty());  // stopping what serves would go below the floor; it ends by itself
  CHECK(job(1, {SnapshotBuilder::ended(Phase::succeeded, StopCause::scale)}) == "add 1 from 1");
}

TEST_CASE("Under ALWAYS one that failed for good is not replaced, and makes none that runs a surplus") {
  const auto failed = SnapshotBuilder::ended(Phase::failed);
  CHECK(next(world_of(2, {failed, kRunning})).empty());
  CHECK(next(world_of(1, {failed, kUnready})).empty());
}

TEST_CASE("Rolling: a new one is added before an old one stops, and old ones stop only as new ones serve") {
  auto world = world_of(2, {kRunning, kRunning});
  world.workload("web", image("image:2"));
  CHECK(next(world) == "add 1 from 2");
  world.replica("web");
  CHECK(next(world).empty());
  world.change_replica(SnapshotBuilder::id("web", 2), kUnready);
  CHECK(next(world).empty());
  world.change_replica(SnapshotBuilder::id("web", 2), kRunning);
  CHECK(next(world) == "stop 1 rollout");
  world.change_replica(SnapshotBuilder::id("web", 1), [](Replica& r) { r.stop = StopCause::rollout; });
  CHECK(next(world) == "add 1 from 3");
  world.replica("web", kRunning);
  CHECK(next(world) == "stop 0 rollout");
  world.change_replica(SnapshotBuilder::id("web", 0),
                       SnapshotBuilder::ended(Phase::stopped, StopCause::rollout));
  world.change_replica(SnapshotBuilder::id("web", 1),
                       SnapshotBuilder::ended(Phase::stopped, StopCause::rollout));
  CHECK(next(world).empty());
}

TEST_CASE("Rolling: with room for absence, old ones stop first") {
  auto world = world_of(4, {kRunning, kRunning, kRunning, kRunning});
  world.workload("web", [](WorkloadSpec& s) {
    s.pod.image = "image:2";
    s.rollout.max_unavailable = IntOrPercent{50, true};
    s.rollout.max_surge = IntOrPercent{0, false};
  });
  CHECK(next(world) == "stop 3 rollout; stop 2 rollout");
}

TEST_CASE("Rolling: old ones that never served go at once, old ones in doubt wait") {
  auto world = world_of(2, {kUnready, [](Replica&) {}});
  world.workload("web", image("image:2"));
  CHECK(next(world) == "add 1 from 2; stop 1 rollout; stop 0 rollout");
  auto doubt = world_of(1, {kRunning});
  doubt.workload("web", image("image:2")).replica("web", SnapshotBuilder::running("b"));
  doubt.node("a", [](Node& n) { n.state = NodeState::suspect; });
  CHECK(next(doubt).empty());
}

TEST_CASE("Rolling: no surge and no absence allowed still moves, one at a time, above the floor") {
  auto world = world_of(2, {kRunning, kRunning});
  world.workload("web", [](WorkloadSpec& s) {
    s.pod.image = "image:2";
    s.rollout.max_surge = IntOrPercent{0, false};
  });
  CHECK(next(world) == "add 1 from 2");
}

TEST_CASE("Recreate: everything old ends before anything new starts") {
  auto world = world_of(2, {kRunning, kUnready});
  world.workload("web", [](WorkloadSpec& s) {
    s.pod.image = "image:2";
    s.rollout.strategy = RolloutStrategy::recreate;
  });
  CHECK(next(world) == "stop 0 recreate; stop 1 recreate");
  for (int i : {0, 1})
    world.change_replica(SnapshotBuilder::id("web", i), [](Replica& r) { r.stop = StopCause::recreate; });
  CHECK(next(world).empty());
  world.node("a", [](Node& n) { n.state = NodeState::offline; });
  CHECK(next(world) == "stop 0 node lost; stop 1 node lost");
  for (int i : {0, 1})
    world.change_replica(SnapshotBuilder::id("web", i),
                         SnapshotBuilder::ended(Phase::lost, StopCause::node_lost));
  CHECK(next(world) == "add 2 from 2");
}

TEST_CASE("Recreate: old ones on a lost node are given up, once each") {
  auto world = world_of(1, {kRunning});
  world.workload("web", [](WorkloadSpec& s) {
    s.pod.image = "image:2";
    s.rollout.strategy = RolloutStrategy::recreate;
  });
  world.node("a", [](Node& n) { n.state = NodeState::offline; });
  CHECK(next(world) == "stop 0 node lost");
}

TEST_CASE("Replicas of a lost node are replaced, and given up as replacements start") {
  auto world = world_of(2, {kRunning, kRunning});
  world.node("a", [](Node& n) { n.state = NodeState::offline; });
  CHECK(next(world) == "add 2 from 2");
  world.replica("web").replica("web");
  CHECK(next(world).empty());
  world.change_replica(SnapshotBuilder::id("web", 2), SnapshotBuilder::running("b", false));
  CHECK(next(world) == "stop 1 node lost");
  SUBCASE("a node that returns keeps what has no running replacement") {
    world.change_replica(SnapshotBuilder::id("web", 1),
                         SnapshotBuilder::ended(Phase::lost, StopCause::node_lost));
    world.node("a", [](Node& n) { n.state = NodeState::ready; });
    CHECK(next(world) == "stop 3 scale");
  }
  SUBCASE("a node that is gone for good") {
    world.commit({erase(node_key(NodeId{"a"}))});
    world.change_replica(SnapshotBuilder::id("web", 3), SnapshotBuilder::running("b"));
    CHECK(next(world) == "stop 0 node lost; stop 1 node lost");
  }
}

TEST_CASE("A suspect node's replicas are neither replaced nor given up") {
  auto world = world_of(2, {kRunning, SnapshotBuilder::running("b")});
  world.node("a", [](Node& n) { n.state = NodeState::suspect; });
  CHECK(next(world).empty());
}

TEST_CASE("A deleted workload is wound up: stop, forget, forget itself") {
  auto world =
      world_of(2, {kRunning, SnapshotBuilder::ended(Phase::stopped), stopping(kRunning, StopCause::scale)});
  world.remove_workload("web");
  CHECK(next(world) == "stop 0 deleted; forget 1");
  world.node("a", [](Node& n) { n.state = NodeState::offline; });
  CHECK(next(world) == "stop 0 deleted; forget 1");
  world.commit({erase(node_key(NodeId{"a"}))});
  CHECK(next(world) == "stop 0 node lost; forget 1; stop 2 node lost");
  for (int i : {0, 1, 2}) world.commit({erase(replica_key(SnapshotBuilder::id("web", i)))});
  CHECK(next(world) == "forget workload");
}

TEST_CASE("The newest five ended replicas stay, and versions as long as something uses them") {
  auto world = world_of(0, {});
  for (int i = 0; i < 7; ++i) world.replica("web", SnapshotBuilder::ended(Phase::stopped));
  CHECK(next(world) == "forget 0; forget 1");
  world.workload("web", image("image:2"));
  for (int i = 0; i < 5; ++i) world.replica("web", SnapshotBuilder::ended(Phase::lost));
  for (int i = 0; i < 6; ++i) world.commit({erase(replica_key(SnapshotBuilder::id("web", i)))});
  CHECK(next(world) == "forget 6");
  world.commit({erase(replica_key(SnapshotBuilder::id("web", 6)))});
  CHECK(next(world).empty());
  world.workload("web", [](WorkloadSpec& s) { s.rollout.history_limit = 0; });
  CHECK(next(world) == "forget version 1");
}

namespace {

/// An owner, agents and people in one: carries out proposals and lets replicas and nodes move at random.
class RandomWorld {
 public:
  explicit RandomWorld(std::uint64_t seed) : random_(seed) {
    world_.node("a").node("b").workload("web", replicas(3));
  }
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  const Workload& web() { return *world_.view().workload(SnapshotBuilder::uid("web")); }

  void user() {
    world_.workload("web", [&](WorkloadSpec& s) {
      if (pick(2) == 0) s.replicas = static_cast<std::uint32_t>(pick(7));
      if (pick(2) == 0) s.pod.image = "image:" + std::to_string(pick(1000));
      if (pick(4) == 0)
        s.rollout.strategy = pick(2) == 0 ? RolloutStrategy::recreate : RolloutStrategy::rolling_update;
      if (pick(3) == 0) s.rollout.max_surge = IntOrPercent{static_cast<std::uint32_t>(pick(3)), false};
      if (pick(3) == 0) s.rollout.max_unavailable = IntOrPercent{static_cast<std::uint32_t>(pick(60)), true};
    });
  }
  void node() {
    world_.node(pick(2) == 0 ? "a" : "b", [&](Node& n) { n.state = static_cast<NodeState>(1 + pick(3)); });
  }
  /// Agents that are reachable move one replica one step; steady: only towards the goal.
  void agent(bool steady) {
    const auto all = world_.view().replicas_of(web().uid);
    for (const auto& r : all) {
      if (is_terminal(r->phase) || (!steady && pick(3) != 0)) continue;
      if (!r->node.empty() && world_.view().node(r->node)->state != NodeState::ready) continue;
      world_.change_replica(r->id, [&](Replica& now) { move(now, steady); });
    }
  }
  void move(Replica& r, bool steady) {
    if (r.stop_requested())
      r.phase = Phase::stopped;
    else if (r.phase == Phase::pending) {
      r.phase = Phase::assigned;
      r.node = NodeId{pick(2) == 0 ? "a" : "b"};
    } else if (r.phase == Phase::assigned)
      r.phase = Phase::running;
    else
      r.ready = steady || pick(3) != 0;
  }
  /// One proposal, judged item by item; false if there was none.
  bool rollout() {
    const auto items = rollout::reconcile(world_.view(), web(), 1).items;
    for (const auto& item : items) carry_out(item);
    return !items.empty();
  }
  void heal() {
    for (const char* id : {"a", "b"}) world_.node(id, [](Node& n) { n.state = NodeState::ready; });
  }
  void check_settled() {
    std::size_t good = 0;
    for (const auto& r : world_.view().replicas_of(web().uid)) {
      if (is_terminal(r->phase)) continue;
      CHECK(r->version == web().version);
      good += serves(world_.view(), *r) ? 1 : 0;
    }
    CHECK(good == web().spec.replicas);
    CHECK(world_.view().versions_of(web().uid).size() <= 1 + web().spec.rollout.history_limit);
  }

 private:
  std::size_t available() {
    const auto all = world_.view().replicas_of(web().uid);
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const auto& r) { return serves(world_.view(), *r); }));
  }
  void carry_out(const ProposalItem& item) {
    if (const auto* add = std::get_if<AddReplicas>(&item)) {
      REQUIRE(add->first_ordinal == web().next_ordinal);
      for (std::uint32_t i = 0; i < add->count; ++i) world_.replica("web");
    } else if (const auto* stop = std::get_if<StopReplica>(&item)) {
      const auto r = world_.view().replica(stop->replica);
      REQUIRE(r);
      REQUIRE_FALSE(is_terminal(r->phase));
      const bool counted = serves(world_.view(), *r);
      const bool lost = stop->cause == StopCause::node_lost;
      if (lost) REQUIRE(world_.view().node(r->node)->state == NodeState::offline);
      world_.change_replica(stop->replica, [&](Replica& now) {
        now.stop = stop->cause;
        if (lost)
          now.phase = Phase::lost;
        else if (now.phase == Phase::pending)
          now.phase = Phase::stopped;
      });
      if (counted && stop->cause != StopCause::recreate)
        CHECK(available() >= bounds_of(web().spec.rollout, web().spec.replicas).min_available);
    } else if (const auto* forget = std::get_if<ForgetReplica>(&item)) {
      REQUIRE(is_terminal(world_.view().replica(forget->replica)->phase));
      world_.commit({erase(replica_key(forget->replica))});
    } else if (const auto* version = std::get_if<ForgetVersion>(&item)) {
      world_.commit({erase(version_key(version->workload, version->version))});
    }
  }

  std::mt19937_64 random_;
  SnapshotBuilder world_;
};

}  // namespace

TEST_CASE(
    "Whatever happens, every item is lawful, and when it stops happening the workload settles and stays so") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    RandomWorld world(seed);
    for (int step = 0; step < 60; ++step) {
      switch (world.pick(8)) {
        case 0:
          world.user();
          break;
        case 1:
          world.node();
          break;
        case 2:
        case 3:
        case 4:
          world.rollout();
          break;
        default:
          world.agent(false);
          break;
      }
    }
    world.heal();
    // A replica needs four rounds from its birth to being ready.
    int quiet = 0, rounds = 0;
    while (quiet < 6 && rounds++ < 100) {
      quiet = world.rollout() ? 0 : quiet + 1;
      world.agent(true);
    }
    CHECK(rounds < 100);
    world.check_settled();
  }
}

TEST_CASE("What its node has a NO_EXECUTE taint for leaves when its version tolerates it no longer") {
  auto world = world_of(1, {kRunning});
  const auto tainted = [&](Millis since) {
    world.node("a", [=](Node& n) {
      n.taints = {{"broken", "", TaintEffect::no_execute}, {"busy", "", TaintEffect::no_schedule}};
      n.no_execute_since = {{"broken", since}};
    });
  };
  const auto now = [&](Millis at) {
    return rollout::reconcile(world.view(), *world.view().workload(SnapshotBuilder::uid("web")), at);
  };
  tainted(5000);
  CHECK(words(now(5000).items) == "add 1 from 1");

  world = world_of(1, {});
  world.workload("web", [](WorkloadSpec& s) { s.pod.placement.tolerations = {{"broken", "", {}, 3}}; });
  world.replica("web", kRunning);
  tainted(5000);
  CHECK(words(now(7999).items) == "");
  CHECK(now(7999).wake_at == 8000);
  world.replica("web", SnapshotBuilder::running("b"));
  CHECK(words(now(8000).items) == "stop 0 taint");
  world.node("a", [](Node& n) { n.state = NodeState::offline; });
  CHECK(words(now(8000).items) == "stop 0 node lost");

  world = world_of(1, {});
  world.workload("web", [](WorkloadSpec& s) { s.pod.placement.tolerations = {{"broken", "", {}, {}}}; });
  world.replica("web", kRunning);
  tainted(1);
  CHECK_FALSE(now(1'000'000).wake_at);
}

TEST_CASE("What is asked to move is replaced, then leaves") {
  const auto asked = [](Replica& r) {
    kRunning(r);
    r.evict = StopCause::rebalance;
  };
  CHECK(next(world_of(1, {asked})) == "add 1 from 1");
  CHECK(next(world_of(1, {asked, kRunning})) == "stop 0 rebalance");
  auto world = world_of(1, {asked, kRunning});
  world.node("a", [](Node& n) { n.draining = true; })
      .change_replica(SnapshotBuilder::id("web", 1), [](Replica& r) { r.node = NodeId{"b"}; });
  CHECK(next(world) == "stop 0 drain");
}
