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
  CHECK(breaks(assigned([](SnapshotBuilder& w) { w.node("a", [](Node& n) { n.cordoned = true; }); }),
               "an assignment goes to a READY node that is not closed"));
  CHECK(breaks(assigned([](SnapshotBuilder& w) {
                 w.node("a", [](Node& n) { n.taints.push_back({"k", "", TaintEffect::no_schedule}); });
               }),
               "an assignment respects taints"));
  CHECK(breaks(assigned([](SnapshotBuilder& w) {
                 w.change_replica(SnapshotBuilder::id("web", 1), [](Replica& r) {
                   r.phase = Phase::assigned;
                   r.node = NodeId{"a"};
                 });
               }),
               "no assignment exceeds what a node has"));
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
