#include "actors/workload_state/rollout_status.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

constexpr Millis kStart = 100'000;
constexpr WallMillis kWall = 1'700'000'000'000;

/// Four replicas of version 1, an update to version 2 that began at kStart.
class RolloutTest {
 public:
  RolloutTest() {
    b.node("n1").workload("web", [](WorkloadSpec& s) { s.replicas = 4; });
    for (int i = 0; i < 4; ++i) b.replica("web", up);
    b.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; });
    rollout([](Rollout& r) {
      r.cause = RolloutCause::updated;
      r.from_version = 1;
      r.to_version = 2;
      r.started_at = r.progress_from = kStart;
    });
  }

  /// Of the newest rollout; makes it the workload's.
  void rollout(const std::function<void(Rollout&)>& change) {
    Rollout r;
    r.number = 1;
    r.workload = uid();
    if (const auto old = b.view().rollout(uid(), r.number)) r = *old;
    change(r);
    Workload w = *b.view().workload(uid());
    w.rollout = r.number;
    b.commit({put(std::make_shared<const Workload>(w)), put(std::make_shared<const Rollout>(r))});
  }
  void workload(const std::function<void(Workload&)>& change) {
    Workload w = *b.view().workload(uid());
    change(w);
    b.commit({put(std::make_shared<const Workload>(w))});
  }
  void policy(const std::function<void(RolloutPolicy&)>& change) {
    b.workload("web", [&](WorkloadSpec& s) { change(s.rollout); });
  }

  RolloutStatus at(Millis since_start) const {
    return derive_rollout(b.view(), *b.view().workload(uid()), *b.view().rollout(uid(), 1),
                          {kStart + since_start, kWall + since_start});
  }
  std::string phase() const { return to_string(at(0).phase); }

  static WorkloadUid uid() { return SnapshotBuilder::uid("web"); }
  static ReplicaId id(std::uint64_t ordinal) { return SnapshotBuilder::id("web", ordinal); }
  static void up(Replica& r) {
    SnapshotBuilder::running("n1")(r);
    r.running_at = r.ready_at = r.first_ready_at = 1'000;
  }
  /// Of version 2, RUNNING since kStart and never ready.
  static void failing(Replica& r) {
    SnapshotBuilder::running("n1", false)(r);
    r.running_at = kStart;
    r.reason = "readiness probe failed: HTTP 503 from /ready";
    r.probes.edit() = {{ProbeKind::liveness, ProbeStanding::waiting, "", 0},
                       {ProbeKind::readiness, ProbeStanding::failing, "HTTP 503 from /ready", kWall}};
  }
  static std::function<void(Replica&)> ready_at(Millis moment) {
    return [=](Replica& r) {
      up(r);
      r.ready_at = r.first_ready_at = moment;
    };
  }
  SnapshotBuilder b;
};

TEST_CASE_FIXTURE(RolloutTest, "a rollout's phase follows its record and what is ready of the new version") {
  CHECK(phase() == "STARTING");
  b.replica("web", failing);
  CHECK(phase() == "STARTING");
  b.replica("web", up);
  CHECK(phase() == "IN_PROGRESS");
  SUBCASE("paused") {
    rollout([](Rollout& r) { r.paused = true; });
    CHECK(phase() == "PAUSED");
    CHECK(at(0).waiting_for == "it is paused: nothing starts or stops for it until it is resumed");
    CHECK_FALSE(at(0).deadline_in);
  }
  SUBCASE("going back") {
    for (const auto cause : {RolloutCause::undone, RolloutCause::aborted, RolloutCause::failed}) {
      rollout([&](Rollout& r) { r.cause = cause; });
      CHECK(phase() == "ROLLING_BACK");
    }
  }
  SUBCASE("over") {
    const std::pair<RolloutState, const char*> cases[] = {{RolloutState::completed, "COMPLETED"},
                                                          {RolloutState::failed, "FAILED"},
                                                          {RolloutState::superseded, "SUPERSEDED"}};
    for (const auto& [state, name] : cases) {
      rollout([state = state](Rollout& r) { r.state = state; });
      CHECK(phase() == name);
      CHECK(at(0).waiting_for.empty());
      CHECK_FALSE(at(0).deadline_in);
    }
  }
}

TEST_CASE_FIXTURE(RolloutTest, "what counts is counted, and what is on its way out does not") {
  b.replica("web", failing).replica("web", up);
  b.change_replica(id(0), [](Replica& r) { r.withdrawn = StopCause::rollout; });
  b.change_replica(id(1), [](Replica& r) { r.stop = StopCause::rollout; });
  const auto status = at(0);
  CHECK(status.wanted == 4);
  CHECK(status.updated == 2);
  CHECK(status.ready == 3);
  CHECK(status.available == 3);
  CHECK(status.unavailable == 1);
  CHECK(status.min_available == 3);
  policy([](RolloutPolicy& p) { p.min_ready = kStart; });
  CHECK(at(0).ready == 3);
  CHECK(at(0).available == 0);
  CHECK(at(1'000).available == 3);
  workload([](Workload& w) { w.serving_version = 1; });
  CHECK(at(1'000).available == 2);
  b.node("n1", [](Node& n) { n.state = NodeState::offline; });
  CHECK(at(1'000).ready == 0);
}

TEST_CASE_FIXTURE(RolloutTest, "a rollout that is not the newest has no counts") {
  workload([](Workload& w) { w.rollout = 2; });
  rollout([](Rollout& r) { r.state = RolloutState::superseded; });
  workload([](Workload& w) { w.rollout = 2; });
  CHECK(phase() == "SUPERSEDED");
  CHECK(at(0).wanted == 0);
  CHECK(at(0).available == 0);
}

TEST_CASE_FIXTURE(RolloutTest,
                  "it is said which replica is waited for, why, since when, and how long still") {
  b.replica("web", failing);
  const auto subject = "waiting for " + id(4).value;
  CHECK(at(41'000).waiting_for ==
        subject + " to become ready: HTTP 503 from /ready for 41 s; deadline in 19 s");
  CHECK(at(41'000).deadline_in == 19'000);
  CHECK(at(90'000).waiting_for.ends_with("; deadline in 0 s"));
  const auto words = [&](const std::function<void(Replica&)>& change) {
    b.change_replica(id(4), change);
    const auto text = at(0).waiting_for;
    return text.substr(0, text.find("; deadline"));
  };
  CHECK(words([](Replica& r) {
          r.phase = Phase::pending;
          r.reason = "no node has 500 cpu_millicores";
        }) == "waiting for a place for " + id(4).value + ": no node has 500 cpu_millicores");
  CHECK(words([](Replica& r) {
          r.phase = Phase::backoff;
          r.reason = "image web:2 not found";
        }) == subject + " to become ready: it is BACKOFF: image web:2 not found");
  CHECK(words([](Replica& r) {
          r.phase = Phase::starting;
          r.reason = {};
        }) == subject + " to become ready: it is STARTING");
  CHECK(words([](Replica& r) {
          r.phase = Phase::failed;
          r.reason = "exited with code 3";
        }) == "replica " + id(4).value + " failed for good: exited with code 3");
  CHECK(words([](Replica& r) {
          up(r);
          r.node = NodeId{"gone"};
        }) == "waiting for node gone of " + id(4).value + ", which is gone");
}

TEST_CASE_FIXTURE(RolloutTest, "the deadline is the nearest: of the progress, or of the replica that runs") {
  // 10 minutes without progress by default.
  CHECK(at(0).deadline_in == 600'000);
  b.replica("web", failing);
  CHECK(at(0).deadline_in == 60'000);
  policy([](RolloutPolicy& p) { p.ready_timeout = 5'000; });
  CHECK(at(0).deadline_in == 5'000);
  policy([](RolloutPolicy& p) { p.progress_deadline = 2'000; });
  CHECK(at(0).deadline_in == 2'000);
  // Progress: one got ready.
  b.replica("web", ready_at(kStart + 1'000));
  CHECK(at(1'000).deadline_in == 2'000);
  CHECK(at(9'000).deadline_in == 0);
}

TEST_CASE("a startup probe lengthens the deadline of a replica that runs") {
  RolloutTest t;
  t.b.workload("web", [](WorkloadSpec& s) {
    s.pod.image = "image:3";
    s.pod.startup = Probe{.initial_delay = 1'000, .period = 2'000, .failure_threshold = 10};
  });
  t.rollout([](Rollout& r) { r.to_version = 3; });
  t.b.replica("web", RolloutTest::failing);
  CHECK(t.at(0).deadline_in == 60'000 + 21'000);
}

TEST_CASE_FIXTURE(RolloutTest, "between the batches it is said what comes next") {
  b.replica("web", ready_at(kStart));
  CHECK(at(0).waiting_for == "waiting for the next batch");
  policy([](RolloutPolicy& p) { p.pause_duration = 10'000; });
  CHECK(at(3'000).waiting_for == "waiting between two batches for another 7 s");
  CHECK(at(10'000).waiting_for == "waiting for the next batch");
  policy([](RolloutPolicy& p) { p.min_ready = 5'000; });
  CHECK(at(1'000).waiting_for.starts_with("waiting for " + id(4).value + " to stay ready for another 4 s"));
  b.change_replica(id(0), [](Replica& r) { r.withdrawn = StopCause::rollout; });
  CHECK(at(20'000).waiting_for == "waiting for those who send requests to let go of " + id(0).value);
  b.change_replica(id(0), [](Replica& r) { r.stop = StopCause::rollout; });
  CHECK(at(20'000).waiting_for == "waiting for " + id(0).value + " to stop");
  b.change_replica(id(1), [](Replica& r) { r.stop = StopCause::rollout; });
  CHECK(at(20'000).waiting_for == "waiting for 2 replicas to stop");
}

TEST_CASE_FIXTURE(RolloutTest, "a canary waits for its promotion, and says when that comes by itself") {
  policy([](RolloutPolicy& p) { p.canary = Canary{{2, false}, std::nullopt}; });
  b.replica("web", ready_at(kStart));
  CHECK_FALSE(at(0).awaits_promotion);
  b.replica("web", failing);
  CHECK_FALSE(at(0).awaits_promotion);
  b.change_replica(id(5), ready_at(kStart));
  CHECK(at(0).awaits_promotion);
  CHECK(at(0).waiting_for == "waiting for promotion: 2 of 4 replicas are of version 2 and ready");
  CHECK_FALSE(at(0).deadline_in);
  policy([](RolloutPolicy& p) { p.canary->promote_after = 30'000; });
  CHECK(at(1'000).waiting_for ==
        "waiting for promotion: 2 of 4 replicas are of version 2 and ready; by itself in 29 s");
  rollout([](Rollout& r) { r.promoted = true; });
  CHECK_FALSE(at(0).awaits_promotion);
  CHECK(at(0).waiting_for == "waiting for the next batch");
}

TEST_CASE_FIXTURE(RolloutTest, "notes say what the policy had to become, and what will not be kept") {
  CHECK(at(0).notes.empty());
  SUBCASE("surge that was raised") {
    policy([](RolloutPolicy& p) {
      p.max_surge = IntOrPercent{0, false};
      p.min_available = 9;
    });
    REQUIRE(at(0).notes.size() == 1);
    CHECK(at(0).notes[0].find("min_available 4 of 4 replicas") != std::string::npos);
  }
  SUBCASE("RECREATE with a floor") {
    policy([](RolloutPolicy& p) { p.strategy = RolloutStrategy::recreate; });
    CHECK(at(0).notes.empty());
    policy([](RolloutPolicy& p) { p.min_available = 2; });
    REQUIRE(at(0).notes.size() == 1);
    CHECK(at(0).notes[0].find("min_available 2 is not kept") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(RolloutTest,
                  "BLUE_GREEN says what it lacks, that it is about to switch, and what it keeps") {
  policy([](RolloutPolicy& p) { p.strategy = RolloutStrategy::blue_green; });
  workload([](Workload& w) { w.serving_version = 1; });
  for (int i = 0; i < 4; ++i) b.replica("web", ready_at(kStart));
  CHECK(at(0).waiting_for == "waiting for the switch to version 2");
  b.change_replica(id(7), [](Replica& r) {
    r.phase = Phase::pending;
    r.ready = false;
    r.reason = "no node has room";
  });
  REQUIRE(at(0).notes.size() == 1);
  CHECK(at(0).notes[0] ==
        "strategy BLUE_GREEN needs room for two full sets, and it is missing: no node has room");
  b.change_replica(id(7), up);
  workload([](Workload& w) { w.serving_version = 2; });
  rollout([](Rollout& r) {
    r.state = RolloutState::completed;
    r.switched_at = kStart;
  });
  REQUIRE(at(60'000).notes.size() == 1);
  CHECK(at(60'000).notes[0] ==
        "the replicas of version 1 are kept for another 4 min: an undo switches back at once");
  CHECK(at(300'000).notes.empty());
}

}  // namespace
}  // namespace cloudless::workload_state
