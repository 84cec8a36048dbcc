#include "actors/events/derive.hpp"

#include <doctest/doctest.h>

#include "messages/domain/node_trouble.hpp"
#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

/// The events of what `act` commits.
std::vector<Event> events_of(SnapshotBuilder& world, const std::function<void(SnapshotBuilder&)>& act) {
  Snapshot before = world.view();
  const auto seen = world.commits().size();
  act(world);
  std::vector<Event> out;
  for (auto i = seen; i < world.commits().size(); ++i) {
    for (auto& e : events::derive(before, world.commits()[i], 77)) out.push_back(std::move(e));
    before.apply(world.commits()[i]);
  }
  return out;
}

std::vector<std::string> kinds(const std::vector<Event>& events) {
  std::vector<std::string> out;
  for (const auto& e : events) out.push_back(e.kind);
  return out;
}
using Kinds = std::vector<std::string>;

std::function<void(SnapshotBuilder&)> change(std::uint64_t ordinal, std::function<void(Replica&)> f) {
  return [=](SnapshotBuilder& w) { w.change_replica(SnapshotBuilder::id("web", ordinal), f); };
}

}  // namespace

TEST_CASE("What users do to a workload becomes events") {
  SnapshotBuilder world;
  CHECK(kinds(events_of(world, [](auto& w) { w.workload("web"); })) == Kinds{"WorkloadCreated"});
  const auto scaled = events_of(world, [](auto& w) { w.workload("web", [](auto& s) { s.replicas = 5; }); });
  REQUIRE(kinds(scaled) == Kinds{"WorkloadScaled"});
  CHECK(scaled[0].message == "1 to 5");
  CHECK(scaled[0].workload == "web");
  CHECK(scaled[0].ns == "default");
  CHECK(scaled[0].time == 77);
  CHECK(scaled[0].revision == world.view().revision());
  CHECK(kinds(events_of(world, [](auto& w) { w.workload("web", [](auto& s) { s.pod.image = "i:2"; }); })) ==
        Kinds{"WorkloadUpdated"});
  CHECK(kinds(events_of(world, [](auto& w) { w.remove_workload("web"); })) == Kinds{"WorkloadDeleted"});
  CHECK(kinds(events_of(world, [](auto& w) {
          w.commit({erase(workload_key(SnapshotBuilder::uid("web")))});
        })) == Kinds{"WorkloadGone"});
}

TEST_CASE("A replica's life becomes events, once per step") {
  SnapshotBuilder world;
  world.node("a").workload("web");
  CHECK(kinds(events_of(world, [](auto& w) { w.replica("web"); })) == Kinds{"ReplicaAdded"});
  CHECK(kinds(events_of(world, change(0, [](Replica& r) { r.reason = "short"; }))) ==
        Kinds{"ReplicaUnplaced"});
  CHECK(kinds(events_of(world, change(0, [](Replica& r) {
                          r.phase = Phase::assigned;
                          r.node = NodeId{"a"};
                        }))) == Kinds{"ReplicaAssigned"});
  CHECK(kinds(events_of(world, change(0, [](Replica& r) { r.phase = Phase::preparing; }))).empty());
  CHECK(kinds(events_of(world, change(0, SnapshotBuilder::running("a", false)))) == Kinds{"ReplicaStarted"});
  CHECK(kinds(events_of(world, change(0, [](Replica& r) { r.ready = true; }))) == Kinds{"ReplicaReady"});
  CHECK(kinds(events_of(world, change(0, [](Replica&) {}))).empty());
  CHECK(kinds(events_of(world, change(0, [](Replica& r) { r.ready = false; }))) == Kinds{"ReplicaNotReady"});
  const auto back_off = events_of(world, change(0, [](Replica& r) {
                                    r.phase = Phase::backoff;
                                    r.exit_code = 3;
                                    r.reason = "out of memory";
                                  }));
  REQUIRE(kinds(back_off) == Kinds{"ReplicaBackOff"});
  CHECK(back_off[0].message == "attempt 1 ended with exit code 3: out of memory, to be tried again");
  CHECK(back_off[0].severity == Severity::warning);
  CHECK(kinds(events_of(world, change(0, [](Replica& r) { r.stop = StopCause::scale; }))) ==
        Kinds{"ReplicaStopping"});
  CHECK(kinds(events_of(world, change(0, [](Replica& r) { r.phase = Phase::stopped; }))) ==
        Kinds{"ReplicaStopped"});
}

TEST_CASE("Who is stopped for somebody else, or for its node's taint, is told so") {
  SnapshotBuilder world;
  world.node("a").workload("web").replica("web", SnapshotBuilder::running("a"));
  auto other = world;
  const auto preempted = events_of(world, change(0, [](Replica& r) {
                                     r.stop = StopCause::preempted;
                                     r.preempted_for = ReplicaId{"db-0123456789-3"};
                                   }));
  REQUIRE(kinds(preempted) == Kinds{"ReplicaPreempted"});
  CHECK(preempted[0].message == "told to stop: its place is for db-0123456789-3, of higher priority");
  const auto evicted = events_of(other, change(0, [](Replica& r) { r.stop = StopCause::taint; }));
  REQUIRE(kinds(evicted) == Kinds{"ReplicaEvicted"});
  CHECK(evicted[0].message == "told to stop: node a has a NO_EXECUTE taint that it does not tolerate");
}

TEST_CASE("Terminal phases have their own events") {
  const std::vector<std::pair<Phase, const char*>> cases{{Phase::succeeded, "ReplicaSucceeded"},
                                                         {Phase::failed, "ReplicaFailed"},
                                                         {Phase::stopped, "ReplicaStopped"},
                                                         {Phase::lost, "ReplicaLost"}};
  for (const auto& [phase, kind] : cases) {
    CAPTURE(kind);
    SnapshotBuilder world;
    world.node("a").workload("web").replica("web", SnapshotBuilder::running("a"));
    CHECK(kinds(events_of(world, change(0, [phase = phase](Replica& r) { r.phase = phase; }))) ==
          Kinds{kind});
  }
}

TEST_CASE("A node's life becomes events") {
  SnapshotBuilder world;
  const auto node = [](std::function<void(Node&)> f) { return [=](SnapshotBuilder& w) { w.node("a", f); }; };
  CHECK(kinds(events_of(world, node({}))) == Kinds{"NodeRegistered"});
  CHECK(kinds(events_of(world, node([](Node& n) { n.cordoned = true; }))) == Kinds{"NodeCordoned"});
  CHECK(kinds(events_of(world, node([](Node& n) { n.cordoned = false; }))) == Kinds{"NodeUncordoned"});
  CHECK(kinds(events_of(world, node([](Node& n) { n.state = NodeState::suspect; }))) == Kinds{"NodeSuspect"});
  CHECK(kinds(events_of(world, node([](Node& n) { n.state = NodeState::offline; }))) == Kinds{"NodeOffline"});
  CHECK(kinds(events_of(world, node([](Node& n) {
                          n.state = NodeState::ready;
                          n.incarnation = 2;
                        }))) == Kinds{"NodeRegistered", "NodeReady"});
  CHECK(kinds(events_of(world, node([](Node& n) { n.labels["k"] = "v"; }))) == Kinds{"NodeUpdated"});
  const auto full = [](Node& n) { n.taints = {{kDiskNotWritableTaint, "", TaintEffect::no_schedule}}; };
  CHECK(kinds(events_of(world, node(full))) == Kinds{"NodeTroubled"});
  CHECK(kinds(events_of(world, node([](Node& n) { n.taints.clear(); }))) == Kinds{"NodeRecovered"});
  CHECK(kinds(events_of(world, node([](Node&) {}))).empty());
  CHECK(kinds(events_of(world, node([](Node& n) { n.draining = true; }))) == Kinds{"NodeDraining"});
  CHECK(kinds(events_of(world, node([](Node& n) { n.draining = false; }))) == Kinds{"NodeUncordoned"});
}

namespace {

/// The rollout as `change` leaves it, in one commit.
std::vector<Event> rollout_events(SnapshotBuilder& world, std::uint64_t number,
                                  const std::function<void(Rollout&)>& change) {
  return events_of(world, [&](SnapshotBuilder& w) {
    Rollout rollout;
    if (const auto old = w.view().rollout(SnapshotBuilder::uid("web"), number)) rollout = *old;
    rollout.workload = SnapshotBuilder::uid("web");
    rollout.number = number;
    change(rollout);
    w.commit({put(std::make_shared<const Rollout>(rollout))});
  });
}

}  // namespace

TEST_CASE("A rollout's life becomes events") {
  SnapshotBuilder world;
  world.workload("web");
  const auto created = rollout_events(world, 1, [](Rollout&) {});
  REQUIRE(kinds(created) == Kinds{"RolloutStarted"});
  CHECK(created[0].message == "rollout 1 to version 1");
  CHECK(created[0].workload == "web");
  CHECK(kinds(rollout_events(world, 1, [](Rollout& r) { r.state = RolloutState::completed; })) ==
        Kinds{"RolloutCompleted"});
  const auto updated = rollout_events(world, 2, [](Rollout& r) {
    r.cause = RolloutCause::updated;
    r.from_version = 1;
    r.to_version = 2;
    r.by = "bob";
  });
  REQUIRE(kinds(updated) == Kinds{"RolloutStarted"});
  CHECK(updated[0].message == "rollout 2 from version 1 to 2, by bob");
  CHECK(kinds(rollout_events(world, 2, [](Rollout& r) { r.paused = true; })) == Kinds{"RolloutPaused"});
  CHECK(kinds(rollout_events(world, 2, [](Rollout& r) { r.mark = 30'000; })).empty());
  CHECK(kinds(rollout_events(world, 2, [](Rollout& r) { r.paused = false; })) == Kinds{"RolloutResumed"});
  CHECK(kinds(rollout_events(world, 2, [](Rollout& r) { r.promoted = true; })) == Kinds{"RolloutPromoted"});
  const auto failed = rollout_events(world, 2, [](Rollout& r) {
    r.state = RolloutState::failed;
    r.reason = "web-1: image not found";
  });
  REQUIRE(kinds(failed) == Kinds{"RolloutFailed"});
  CHECK(failed[0].severity == Severity::warning);
  CHECK(failed[0].message == "rollout 2 to version 2: web-1: image not found");
  const auto back = rollout_events(world, 3, [](Rollout& r) {
    r.cause = RolloutCause::failed;
    r.from_version = 2;
  });
  REQUIRE(kinds(back) == Kinds{"RolloutStarted"});
  CHECK(back[0].message == "rollout 3 back from version 2 to 1: the one before failed");
  CHECK(back[0].severity == Severity::warning);
  CHECK(kinds(rollout_events(world, 3, [](Rollout& r) { r.state = RolloutState::completed; })) ==
        Kinds{"RolloutRolledBack"});
}

TEST_CASE("RECREATE with a floor that it will not keep is warned of, but not where nothing runs yet") {
  SnapshotBuilder world;
  world.workload("web", [](WorkloadSpec& s) {
    s.rollout.strategy = RolloutStrategy::recreate;
    s.rollout.min_available = 2;
  });
  CHECK(kinds(rollout_events(world, 1, [](Rollout&) {})) == Kinds{"RolloutStarted"});
  const auto events = rollout_events(world, 2, [](Rollout& r) {
    r.from_version = 1;
    r.to_version = 2;
  });
  REQUIRE(kinds(events) == Kinds{"RolloutStarted", "RolloutInterrupts"});
  CHECK(events[1].severity == Severity::warning);
  CHECK(events[1].message.find("min_available 2") != std::string::npos);
}

TEST_CASE("Another version that serves is an event; that a version begins to be the only one is not") {
  SnapshotBuilder world;
  world.workload("web");
  const auto serving = [&](std::uint64_t version) {
    return events_of(world, [&](SnapshotBuilder& w) {
      Workload changed = *w.view().workload(SnapshotBuilder::uid("web"));
      changed.serving_version = version;
      w.commit({put(std::make_shared<const Workload>(changed))});
    });
  };
  CHECK(serving(1).empty());
  const auto switched = serving(2);
  REQUIRE(kinds(switched) == Kinds{"ServingSwitched"});
  CHECK(switched[0].message == "version 2 serves instead of version 1");
  CHECK(serving(0).empty());
}
