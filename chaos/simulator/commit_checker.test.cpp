#include "chaos/simulator/commit_checker.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

/// What the checker says of the last commit, after it has seen all before.
std::vector<std::string> broken_by_last(const SnapshotBuilder& world) {
  sim::CommitChecker checker;
  Snapshot before;
  std::vector<std::string> last;
  for (const auto& commit : world.commits()) {
    Snapshot after = before;
    after.apply(commit);
    last.clear();
    for (const auto& breach : checker.check(before, commit, after)) last.push_back(breach.invariant);
    before = after;
  }
  return last;
}

bool breaks(const SnapshotBuilder& world, const std::string& invariant) {
  const auto all = broken_by_last(world);
  for (const auto& one : all) CAPTURE(one);
  return std::find(all.begin(), all.end(), invariant) != all.end();
}

/// Two nodes, workload "web" with two replicas that serve.
SnapshotBuilder two_serving() {
  SnapshotBuilder world;
  world.node("a").node("b").workload("web", [](WorkloadSpec& s) {
    s.replicas = 2;
    s.rollout.min_available = 2;
  });
  for (std::uint64_t i = 0; i < 2; ++i) {
    world.replica("web");
    world.change_replica(SnapshotBuilder::id("web", i), [](Replica& r) {
      r.phase = Phase::assigned;
      r.node = NodeId{"a"};
    });
    world.change_replica(SnapshotBuilder::id("web", i), [](Replica& r) {
      r.phase = Phase::running;
      r.attempt = 1;
      r.ready = true;
      r.node_incarnation = 1;
      r.report_sequence = 1;
    });
  }
  return world;
}

}  // namespace

TEST_CASE("A lawful life breaks no invariant") {
  auto world = two_serving();
  CHECK(broken_by_last(world).empty());
  world.workload("web", [](WorkloadSpec& s) { s.replicas = 1; });
  world.change_replica(SnapshotBuilder::id("web", 1), [](Replica& r) {
    r.stop = StopCause::scale;
    r.ready = r.serving = false;
  });
  CHECK(broken_by_last(world).empty());
  world.change_replica(SnapshotBuilder::id("web", 1), [](Replica& r) {
    r.phase = Phase::stopped;
    r.report_sequence = 2;
  });
  CHECK(broken_by_last(world).empty());
}

TEST_CASE("Every unlawful change of a replica is reported") {
  struct Case {
    const char* invariant;
    void (*change)(Replica&);
  };
  const std::vector<Case> cases{
      {"phases only grow within an attempt", [](Replica& r) { r.phase = Phase::starting; }},
      {"an attempt is never taken back", [](Replica& r) { r.attempt = 0; }},
      {"a new attempt begins with PREPARING",
       [](Replica& r) {
         r.attempt = 2;
         r.phase = Phase::assigned;
       }},
      {"a replica runs on one node", [](Replica& r) { r.node = NodeId{"b"}; }},
      {"a replica keeps its identity", [](Replica& r) { r.version = 7; }},
      {"a stale report changes nothing", [](Replica& r) { r.report_sequence = 0; }},
      {"only a newer report moves a replica", [](Replica& r) { r.phase = Phase::backoff; }},
      {"a report names an incarnation that exists", [](Replica& r) { r.node_incarnation = 9; }},
      {"a replica on its way out is not ready", [](Replica& r) { r.stop = StopCause::scale; }},
      {"a stop names its true cause", [](Replica& r) { r.stop = StopCause::deleted; }},
      {"a stop names its true cause", [](Replica& r) { r.stop = StopCause::node_lost; }},
      {"a stop names its true cause", [](Replica& r) { r.stop = StopCause::rollout; }},
      {"LOST is committed only for a node that is away or came back without it",
       [](Replica& r) { r.phase = Phase::lost; }},
      {"voluntary actions stay above min_available",
       [](Replica& r) {
         r.stop = StopCause::scale;
         r.ready = false;
       }},
  };
  for (const auto& c : cases) {
    CAPTURE(c.invariant);
    auto world = two_serving();
    world.change_replica(SnapshotBuilder::id("web", 0), c.change);
    CHECK(breaks(world, c.invariant));
  }
}

TEST_CASE("What serves and is told to stop counts against the floor, whatever its node") {
  auto world = two_serving();
  world.workload("web", [](WorkloadSpec& s) { s.rollout.min_available = 1; });
  world.node("a", [](Node& n) { n.state = NodeState::suspect; });
  // Nothing on a suspect node serves: stopping it is free.
  world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) {
    r.stop = StopCause::scale;
    r.ready = false;
  });
  CHECK_FALSE(breaks(world, "voluntary actions stay above min_available"));
}

TEST_CASE("Unlawful assignments are reported") {
  constexpr const char* kNode = "an assignment meets what is asked of the node";
  constexpr const char* kTaken = "no assignment takes what a node has not, or others have";
  const auto assigned = [](auto prepare) {
    SnapshotBuilder world;
    world.node("a").workload("web", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 600; });
    world.replica("web").replica("web");
    prepare(world);
    world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) {
      r.phase = Phase::assigned;
      r.node = NodeId{"a"};
    });
    return world;
  };
  CHECK(broken_by_last(assigned([](SnapshotBuilder&) {})).empty());
  CHECK(breaks(assigned([](SnapshotBuilder& w) { w.node("a", [](Node& n) { n.cordoned = true; }); }), kNode));
  CHECK(breaks(assigned([](SnapshotBuilder& w) {
                 w.node("a", [](Node& n) { n.taints.push_back({"k", "", TaintEffect::no_schedule}); });
               }),
               kNode));
  CHECK(breaks(assigned([](SnapshotBuilder& w) {
                 w.change_replica(SnapshotBuilder::id("web", 1), [](Replica& r) {
                   r.phase = Phase::assigned;
                   r.node = NodeId{"a"};
                 });
               }),
               kTaken));
  CHECK(breaks(assigned([](SnapshotBuilder& w) { w.commit({erase(node_key(NodeId{"a"}))}); }),
               "an assignment names a node that exists"));
}

TEST_CASE("Forgetting too early, and using an ordinal again, are reported") {
  auto world = two_serving();
  world.commit({erase(replica_key(SnapshotBuilder::id("web", 0)))});
  CHECK(breaks(world, "only a replica that ended is forgotten"));
  world = two_serving();
  world.commit({erase(version_key(SnapshotBuilder::uid("web"), 1))});
  CHECK(breaks(world, "a version stays as long as a replica needs it"));
  world = two_serving();
  world.commit({erase(workload_key(SnapshotBuilder::uid("web")))});
  CHECK(breaks(world, "only a deleted workload is forgotten"));
  world = two_serving();
  world.remove_workload("web").commit({erase(workload_key(SnapshotBuilder::uid("web")))});
  CHECK(breaks(world, "a tombstone stays until its replicas are gone"));
  SnapshotBuilder again;
  again.workload("web").replica("web", SnapshotBuilder::ended(Phase::stopped));
  Replica r = *again.view().replica(SnapshotBuilder::id("web", 0));
  again.commit({erase(replica_key(r.id))});
  r.phase = Phase::pending;
  again.commit({put(std::make_shared<const Replica>(r))});
  CHECK(breaks(again, "ordinals are never used again"));
}

namespace {

void change_web(SnapshotBuilder& world, const std::function<void(Workload&)>& how) {
  Workload w = *world.view().workload(SnapshotBuilder::uid("web"));
  how(w);
  world.commit({put(std::make_shared<const Workload>(w))});
}

/// Rollout 1 of "web" to version 1, changed.
Change rollout_one(const std::function<void(Rollout&)>& how = {}) {
  Rollout r;
  r.workload = SnapshotBuilder::uid("web");
  if (how) how(r);
  return put(std::make_shared<const Rollout>(r));
}

/// two_serving() with its first rollout.
SnapshotBuilder with_rollout() {
  auto world = two_serving();
  Workload w = *world.view().workload(SnapshotBuilder::uid("web"));
  w.rollout = 1;
  world.commit(
      {put(std::make_shared<const Workload>(w)), rollout_one([](Rollout& r) { r.from_version = 1; })});
  return world;
}

constexpr const char* kFloor = "voluntary actions stay above min_available";

}  // namespace

TEST_CASE("A withdrawal counts as a stop, and only what has been ready for long enough counts at all") {
  const auto withdraw = [](SnapshotBuilder& world, Millis at) {
    world.change_replica(SnapshotBuilder::id("web", 0), [at](Replica& r) {
      r.serving = false;
      r.withdrawn = StopCause::scale;
      r.withdrawn_at = at;
    });
  };
  auto world = two_serving();
  withdraw(world, 100);
  CHECK(breaks(world, kFloor));
  world = two_serving();
  world.workload("web", [](WorkloadSpec& s) { s.rollout.min_ready = 200; });
  withdraw(world, 100);
  CHECK_FALSE(breaks(world, kFloor));
  world = two_serving();
  world.workload("web", [](WorkloadSpec& s) {
    s.rollout.min_ready = 200;
    s.rollout.min_available = 1;
  });
  world.change_replica(SnapshotBuilder::id("web", 1), [](Replica& r) { r.ready_at = 301; });
  withdraw(world, 500);
  CHECK(breaks(world, kFloor));
}

TEST_CASE("A switch leaves as many as the floor, of the version that serves") {
  auto world = two_serving();
  change_web(world, [](Workload& w) { w.serving_version = 1; });
  CHECK_FALSE(breaks(world, kFloor));
  change_web(world, [](Workload& w) { w.serving_version = 2; });
  CHECK(breaks(world, kFloor));
}

TEST_CASE("A rollout's record moves lawfully") {
  const auto after = [](const std::function<void(Rollout&)>& first,
                        const std::function<void(Rollout&)>& then) {
    auto world = with_rollout();
    Rollout r = *world.view().rollout(SnapshotBuilder::uid("web"), 1);
    first(r);
    world.commit({put(std::make_shared<const Rollout>(r))});
    then(r);
    world.commit({put(std::make_shared<const Rollout>(r))});
    return world;
  };
  const auto end_as = [](RolloutState state) {
    return [state](Rollout& r) {
      r.state = state;
      r.ended_at = 1;
    };
  };
  CHECK(breaks(after(end_as(RolloutState::superseded), end_as(RolloutState::failed)), "a rollout ends once"));
  CHECK(breaks(after(end_as(RolloutState::completed), end_as(RolloutState::failed)), "a rollout ends once"));
  CHECK_FALSE(
      breaks(after(end_as(RolloutState::failed), end_as(RolloutState::completed)), "a rollout ends once"));
  CHECK(breaks(after([](Rollout& r) { r.promoted = true; }, [](Rollout& r) { r.promoted = false; }),
               "a promotion is never taken back"));
  CHECK(breaks(after([](Rollout& r) { r.mark = 5; }, [](Rollout& r) { r.mark = 4; }),
               "store time never goes back"));
  CHECK(breaks(after([](Rollout& r) { r.paused = true; }, end_as(RolloutState::failed)),
               "a paused rollout does not fail"));
  auto world = with_rollout();
  world.commit({rollout_one(end_as(RolloutState::completed))});
  CHECK(breaks(world, "a version is proven by a complete rollout"));
  world = with_rollout();
  world.commit({erase(rollout_key(SnapshotBuilder::uid("web"), 1))});
  CHECK(breaks(world, "the newest rollout is kept"));
}

TEST_CASE("Another version becomes current by a rollout to it") {
  auto world = with_rollout();
  world.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; });
  CHECK(breaks(world, "another version is a rollout"));
  CHECK(breaks(world, "the newest rollout goes to the current version"));
}

TEST_CASE("A paused rollout replaces nothing") {
  auto world = two_serving();
  world.workload("web", [](WorkloadSpec& s) {
    s.pod.image = "image:2";
    s.rollout.min_available = 0;
  });
  Workload w = *world.view().workload(SnapshotBuilder::uid("web"));
  w.rollout = 1;
  world.commit({put(std::make_shared<const Workload>(w)), rollout_one([](Rollout& r) {
                  r.to_version = 2;
                  r.paused = true;
                })});
  world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) {
    r.stop = StopCause::rollout;
    r.ready = r.serving = false;
  });
  CHECK(breaks(world, "a paused rollout replaces nothing"));
}

TEST_CASE("A stop for the sake of a place names what is so") {
  const auto stopped = [](StopCause cause, auto prepare) {
    auto world = two_serving();
    world.workload("web", [](WorkloadSpec& s) { s.rollout.min_available = 0; });
    prepare(world);
    world.change_replica(SnapshotBuilder::id("web", 0), [=](Replica& r) {
      r.stop = cause;
      r.ready = r.serving = false;
      if (cause == StopCause::preempted) r.preempted_for = SnapshotBuilder::id("vip", 0);
    });
    return world;
  };
  constexpr const char* kCause = "a stop names its true cause";
  constexpr const char* kWinner = "a place is taken for one of higher priority that waits";
  const auto taint = [](TaintEffect effect) {
    return [=](SnapshotBuilder& w) { w.node("a", [=](Node& n) { n.taints = {{"broken", "", effect}}; }); };
  };
  const auto vip = [](std::uint32_t priority) {
    return [=](SnapshotBuilder& w) {
      w.workload("vip", [=](WorkloadSpec& s) { s.priority = priority; }).replica("vip");
    };
  };
  const auto nothing = [](SnapshotBuilder&) {};
  CHECK(breaks(stopped(StopCause::drain, nothing), kCause));
  CHECK(breaks(stopped(StopCause::taint, taint(TaintEffect::no_schedule)), kCause));
  CHECK(broken_by_last(stopped(StopCause::taint, taint(TaintEffect::no_execute))).empty());
  CHECK(breaks(stopped(StopCause::rebalance, nothing), kCause));
  CHECK(breaks(stopped(StopCause::preempted, nothing), kWinner));
  CHECK(breaks(stopped(StopCause::preempted, vip(0)), kWinner));
  CHECK(broken_by_last(stopped(StopCause::preempted, vip(1))).empty());
}

namespace {

/// "web" with this spec; its replica 0 is on node a of zone z1, 1 waits. Long ago. Then 1 gets node b (of
/// zone z2) or a.
SnapshotBuilder second_place(const std::function<void(WorkloadSpec&)>& spec, const char* node,
                             const std::function<void(SnapshotBuilder&)>& prepare = {}) {
  SnapshotBuilder world;
  const auto zone = [](const char* name) {
    return [=](Node& n) {
      n.description.zone = name;
      n.description.allocatable.gpu_count = n.description.capacity.gpu_count = 1;
    };
  };
  world.node("a", zone("z1")).node("b", zone("z2")).workload("web", [&](WorkloadSpec& s) {
    s.labels = {{"app", "web"}};
    s.replicas = 2;
    spec(s);
  });
  const auto gpus = world.view().workload(SnapshotBuilder::uid("web"))->spec.pod.requests.gpu_milli > 0;
  const auto place = [&](std::uint64_t ordinal, const char* where) {
    world.change_replica(SnapshotBuilder::id("web", ordinal), [&](Replica& r) {
      r.phase = Phase::assigned;
      r.node = NodeId{where};
      if (gpus) r.gpus = std::vector<std::uint8_t>{0};
    });
  };
  world.replica("web");
  place(0, "a");
  if (prepare) prepare(world);
  world.replica("web");
  // Everything that could be news is old.
  for (int i = 0; i < 100; ++i) world.commit({});
  place(1, node);
  return world;
}

AffinityTerm with_web(Topology topology) {
  AffinityTerm term;
  term.topology = topology;
  term.required = true;
  term.workload_selector = {{"app", "web"}};
  return term;
}

}  // namespace

TEST_CASE("Places that break rules between replicas are reported") {
  constexpr const char* kApart = "an assignment respects who must be apart";
  constexpr const char* kBalance = "an assignment keeps the balance that it found";
  constexpr const char* kTaken = "no assignment takes what a node has not, or others have";
  const auto apart = [](WorkloadSpec& s) { s.pod.placement.anti_affinity = {with_web(Topology::zone)}; };
  CHECK(broken_by_last(second_place(apart, "b")).empty());
  CHECK(breaks(second_place(apart, "a"), kApart));
  const auto together = [](WorkloadSpec& s) { s.pod.placement.affinity = {with_web(Topology::node)}; };
  CHECK(broken_by_last(second_place(together, "a")).empty());
  CHECK(breaks(second_place(together, "b"), kBalance));
  const auto even = [](WorkloadSpec& s) { s.pod.placement.max_skew = 1; };
  CHECK(broken_by_last(second_place(even, "b")).empty());
  CHECK(breaks(second_place(even, "a"), kBalance));
  const auto port = [](WorkloadSpec& s) { s.pod.ports = {{"web", 80, Protocol::tcp, 8080}}; };
  CHECK(broken_by_last(second_place(port, "b")).empty());
  CHECK(breaks(second_place(port, "a"), kTaken));
  const auto share = [](WorkloadSpec& s) { s.pod.requests.gpu_milli = 600; };
  CHECK(broken_by_last(second_place(share, "b")).empty());
  CHECK(breaks(second_place(share, "a"), kTaken));
  CHECK(breaks(second_place(share, "a"), "a GPU is whole, or shares of it are no more than it"));
  // Another's wish to be alone counts as well.
  const auto guarded = [](SnapshotBuilder& w) {
    w.workload("lone", [](WorkloadSpec& s) { s.pod.placement.anti_affinity = {with_web(Topology::node)}; });
    w.replica("lone", SnapshotBuilder::running("b"));
  };
  CHECK(breaks(second_place([](WorkloadSpec&) {}, "b", guarded), kApart));
}

TEST_CASE("All of a gang that wait are placed together") {
  constexpr const char* kGang = "all of a gang are placed in one commit";
  const auto gang = [](WorkloadSpec& s) { s.all_or_nothing = true; };
  CHECK(broken_by_last(second_place(gang, "b")).empty());
  CHECK(breaks(second_place(gang, "b", [](SnapshotBuilder& w) { w.replica("web"); }), kGang));
}

TEST_CASE("A node remembers since when it evicts, as long as it does") {
  constexpr const char* kSince = "a node remembers since when it evicts";
  const auto since = [](SnapshotBuilder& w, std::map<std::string, Millis> at) {
    w.node("a", [&](Node& n) {
      n.taints = {{"broken", "", TaintEffect::no_execute}};
      n.no_execute_since = std::move(at);
    });
  };
  SnapshotBuilder world;
  since(world, {});
  CHECK(breaks(world, kSince));
  since(world, {{"broken", 5}});
  CHECK_FALSE(breaks(world, kSince));
  since(world, {{"broken", 6}});
  CHECK(breaks(world, kSince));
}
