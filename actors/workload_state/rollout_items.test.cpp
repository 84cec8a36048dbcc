#include "actors/workload_state/rollout_items.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include "actors/workload_state/proposal.hpp"
#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

/// Workload web of 2 replicas on its way from version 1, which was fully ready, to version 2.
class RolloutItemsTest {
 public:
  RolloutItemsTest() {
    b.node("n1").workload("web", [](WorkloadSpec& s) { s.replicas = 2; });
    b.replica("web", SnapshotBuilder::running("n1")).replica("web", SnapshotBuilder::running("n1"));
    b.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; });
    change_version(1, [](Version& v) { v.proven = true; });
    change_workload([](Workload& w) {
      w.rollout = 4;
      w.latest_version = 2;
    });
    Rollout r;
    r.workload = web;
    r.number = 4;
    r.cause = RolloutCause::updated;
    r.from_version = 1;
    r.to_version = 2;
    b.commit({put(std::make_shared<const Rollout>(r))});
  }
  void change_workload(const std::function<void(Workload&)>& how) {
    Workload w = *b.view().workload(web);
    how(w);
    b.commit({put(std::make_shared<const Workload>(w))});
  }
  void change_version(std::uint64_t number, const std::function<void(Version&)>& how) {
    Version v = *b.view().version(web, number);
    how(v);
    b.commit({put(std::make_shared<const Version>(v))});
  }
  void change_rollout(const std::function<void(Rollout&)>& how) {
    Rollout r = rollout();
    how(r);
    b.commit({put(std::make_shared<const Rollout>(r))});
  }
  void strategy(RolloutStrategy s) {
    change_workload([s](Workload& w) { w.spec.rollout.strategy = s; });
  }
  static std::function<void(Replica&)> ready_since(Millis moment) {
    return [=](Replica& r) {
      SnapshotBuilder::running("n1")(r);
      r.ready_at = moment;
    };
  }

  Error propose(ProposalItem item) {
    owner::Plan plan(b.view());
    const auto answers =
        apply(plan, Proposal{"rollout", 0, {item}}, {900, 5000, 7000}, [](const Workload&) { return false; });
    units = plan.take_units();
    if (answers[0].code != Errc::none) CHECK(units.empty());
    std::vector<Change> changes;
    for (const auto& unit : units) changes.insert(changes.end(), unit.changes.begin(), unit.changes.end());
    if (!changes.empty()) b.commit(changes);
    return answers[0];
  }
  Errc code(ProposalItem item) { return propose(std::move(item)).code; }
  EndRollout end(RolloutState state, std::uint64_t back_to = 0, const std::string& reason = {}) const {
    return {web, 4, state, reason, back_to, workload().revision};
  }
  Workload workload() const { return *b.view().workload(web); }
  Rollout rollout(std::uint64_t number = 4) const { return *b.view().rollout(web, number); }
  static ReplicaId id(std::uint64_t ordinal) { return SnapshotBuilder::id("web", ordinal); }

  const WorkloadUid web = SnapshotBuilder::uid("web");
  SnapshotBuilder b;
  std::vector<owner::CommitUnit> units;
};

TEST_CASE_FIXTURE(RolloutItemsTest,
                  "replicas are added of the current version or of what a rollout replaces") {
  change_version(1, [](Version& v) { v.number = 7; });
  const auto next = [&] { return workload().next_ordinal; };
  CHECK(code(AddReplicas{web, 2, next(), 1}) == Errc::none);
  CHECK(code(AddReplicas{web, 1, next(), 1, 2}) == Errc::none);
  CHECK(b.view().replica(id(3))->version == 1);
  CHECK(code(AddReplicas{web, 1, next(), 1, 1}) == Errc::aborted);
  CHECK(code(AddReplicas{web, 1, next(), 1}) == Errc::aborted);
  CHECK(code(AddReplicas{web, 7, next(), 1, 2}) == Errc::failed_precondition);
  CHECK(code(AddReplicas{web, 9, next(), 1, 2}) == Errc::failed_precondition);
}

TEST_CASE_FIXTURE(RolloutItemsTest, "a rollout is COMPLETED when every replica is current and available") {
  CHECK(propose(end(RolloutState::completed)).code == Errc::failed_precondition);
  b.replica("web", ready_since(6000)).replica("web", ready_since(6500));
  const Error old = propose(end(RolloutState::completed));
  CHECK(old.code == Errc::failed_precondition);
  CHECK(old.message.find("of version 1 still serves") != std::string::npos);
  for (const std::uint64_t i : {0, 1})
    b.change_replica(id(i), [](Replica& r) { r.withdrawn = StopCause::rollout; });
  change_workload([](Workload& w) { w.spec.rollout.min_ready = 501; });
  const Error early = propose(end(RolloutState::completed));
  CHECK(early.message.find("1 of 2 replicas") != std::string::npos);
  change_workload([](Workload& w) { w.spec.rollout.min_ready = 500; });
  CHECK(code(end(RolloutState::completed)) == Errc::none);
  CHECK(units.size() == 1);
  CHECK(rollout().state == RolloutState::completed);
  CHECK(rollout().ended_at == 5000);
  CHECK(rollout().mark == 7000);
  CHECK(b.view().version(web, 2)->proven);
  // A repeat changes nothing, and it does not fail any more.
  CHECK(code(end(RolloutState::completed)) == Errc::none);
  CHECK(units.empty());
  CHECK(code(end(RolloutState::failed)) == Errc::aborted);
}

TEST_CASE_FIXTURE(RolloutItemsTest,
                  "a verdict counts only at the spec and the rollout that it was made for") {
  EndRollout item = end(RolloutState::failed);
  ++item.workload_revision;
  CHECK(code(item) == Errc::aborted);
  for (const std::uint64_t number : {0, 3, 5}) {
    CHECK(code(EndRollout{web, number, RolloutState::failed, {}, 0, workload().revision}) == Errc::aborted);
    CHECK(code(SwitchServing{web, number, 2}) == Errc::aborted);
    CHECK(code(PromoteRollout{web, number}) == Errc::aborted);
    CHECK(code(MarkTime{web, number}) == Errc::aborted);
  }
  CHECK(code(MarkTime{SnapshotBuilder::uid("none"), 1}) == Errc::not_found);
}

TEST_CASE_FIXTURE(RolloutItemsTest,
                  "a failed rollout goes back in the same unit, without limits that are too low") {
  CHECK(code(end(RolloutState::failed, 1, "the probe says 503")) == Errc::none);
  CHECK(units.size() == 1);
  CHECK(rollout(4).state == RolloutState::failed);
  CHECK(rollout(4).reason == "the probe says 503");
  CHECK(workload().version == 1);
  CHECK(workload().latest_version == 2);
  CHECK(workload().spec.pod.image == "image:1");
  CHECK(workload().revision == 900);
  CHECK(workload().rollout == 5);
  CHECK(rollout(5).cause == RolloutCause::failed);
  CHECK(rollout(5).from_version == 2);
  CHECK(rollout(5).to_version == 1);
  CHECK(rollout(5).is_active());
  CHECK(rollout(5).started_at == 7000);
  // What goes back never goes back further.
  change_version(2, [](Version& v) { v.proven = true; });
  const Error again = propose(EndRollout{web, 5, RolloutState::failed, "late", 2, 900});
  CHECK(again.code == Errc::failed_precondition);
  CHECK(code(EndRollout{web, 5, RolloutState::failed, "late", 0, 900}) == Errc::none);
  CHECK(rollout(5).state == RolloutState::failed);
}

TEST_CASE_FIXTURE(RolloutItemsTest, "a rollout goes back only where that is wanted and was fully ready") {
  CHECK(code(end(RolloutState::failed, 2)) == Errc::failed_precondition);
  CHECK(code(end(RolloutState::failed, 9)) == Errc::failed_precondition);
  change_rollout([](Rollout& r) { r.paused = true; });
  CHECK(code(end(RolloutState::failed)) == Errc::failed_precondition);
  change_rollout([](Rollout& r) { r.paused = false; });
  change_workload([](Workload& w) { w.spec.rollout.auto_rollback = false; });
  CHECK(code(end(RolloutState::failed, 1)) == Errc::failed_precondition);
  CHECK(code(end(RolloutState::superseded)) == Errc::invalid_argument);
  CHECK(code(end(RolloutState::failed)) == Errc::none);
  CHECK(workload().version == 2);
}

TEST_CASE_FIXTURE(RolloutItemsTest, "a failed rollout becomes COMPLETED when everything is ready late") {
  REQUIRE(code(end(RolloutState::failed, 0, "too slow")) == Errc::none);
  for (const std::uint64_t i : {0, 1}) b.change_replica(id(i), [](Replica& r) { r.version = 2; });
  CHECK(code(end(RolloutState::completed)) == Errc::none);
  CHECK(rollout().state == RolloutState::completed);
  CHECK(rollout().reason.empty());
  CHECK(b.view().version(web, 2)->proven);
}

TEST_CASE_FIXTURE(RolloutItemsTest, "jobs that succeeded count as done") {
  for (const std::uint64_t i : {0, 1})
    b.change_replica(id(i), [](Replica& r) {
      r.version = 2;
      r.phase = Phase::succeeded;
    });
  CHECK(code(end(RolloutState::completed)) == Errc::failed_precondition);
  change_workload([](Workload& w) { w.spec.pod.restart.mode = RestartMode::on_failure; });
  CHECK(code(end(RolloutState::completed)) == Errc::none);
}

TEST_CASE_FIXTURE(RolloutItemsTest,
                  "the switch takes enough replicas that are ready for it, and relies on their nodes") {
  strategy(RolloutStrategy::blue_green);
  change_workload([](Workload& w) {
    w.serving_version = 1;
    w.spec.rollout.min_available = 2;
  });
  b.node("n2");
  b.replica("web", ready_since(6000));
  const Error early = propose(SwitchServing{web, 4, 2});
  CHECK(early.code == Errc::failed_precondition);
  CHECK(early.message.find("ready=1, min=2") != std::string::npos);
  b.replica("web", [](Replica& r) {
    SnapshotBuilder::running("n2")(r);
    r.ready_at = 6600;
  });
  change_workload([](Workload& w) { w.spec.rollout.min_ready = 401; });
  CHECK(code(SwitchServing{web, 4, 2}) == Errc::failed_precondition);
  change_workload([](Workload& w) { w.spec.rollout.min_ready = 400; });
  CHECK(code(SwitchServing{web, 4, 1}) == Errc::none);
  CHECK(units.empty());
  CHECK(code(SwitchServing{web, 4, 0}) == Errc::failed_precondition);
  CHECK(code(SwitchServing{web, 4, 7}) == Errc::failed_precondition);
  change_rollout([](Rollout& r) { r.paused = true; });
  CHECK(code(SwitchServing{web, 4, 2}) == Errc::failed_precondition);
  change_rollout([](Rollout& r) { r.paused = false; });
  const auto guard = [&](const char* node) {
    return Precondition{node_key(NodeId{node}), b.view().node(NodeId{node})->schedulable_revision};
  };
  CHECK(code(SwitchServing{web, 4, 2}) == Errc::none);
  REQUIRE(units.size() == 1);
  CHECK(units[0].preconditions == std::vector<Precondition>{guard("n1"), guard("n2")});
  CHECK(workload().serving_version == 2);
  CHECK(rollout().switched_at == 7000);
  CHECK(rollout().progress_from == 7000);
}

TEST_CASE_FIXTURE(RolloutItemsTest, "only the newest version of a BLUE_GREEN workload serves alone") {
  CHECK(code(SwitchServing{web, 4, 2}) == Errc::failed_precondition);
  change_workload([](Workload& w) { w.serving_version = 1; });
  CHECK(code(SwitchServing{web, 4, 0}) == Errc::none);
  CHECK(workload().serving_version == 0);
  CHECK(rollout().switched_at == 0);
}

TEST_CASE_FIXTURE(RolloutItemsTest,
                  "a rollout is not COMPLETED while another version serves, also without replicas") {
  strategy(RolloutStrategy::blue_green);
  change_workload([](Workload& w) {
    w.serving_version = 1;
    w.spec.replicas = 0;
  });
  for (const std::uint64_t ordinal : {0, 1})
    b.change_replica(id(ordinal), [](Replica& r) { r.phase = Phase::stopped; });
  CHECK(code(end(RolloutState::completed)) == Errc::failed_precondition);
  CHECK(code(SwitchServing{web, 4, 2}) == Errc::none);
  CHECK(code(end(RolloutState::completed)) == Errc::none);
}

TEST_CASE_FIXTURE(RolloutItemsTest, "a canary is promoted once") {
  CHECK(code(PromoteRollout{web, 4}) == Errc::failed_precondition);
  change_workload([](Workload& w) { w.spec.rollout.canary = Canary{}; });
  CHECK(code(PromoteRollout{web, 4}) == Errc::none);
  CHECK(rollout().promoted);
  CHECK(rollout().progress_from == 7000);
  CHECK(code(PromoteRollout{web, 4}) == Errc::none);
  CHECK(units.empty());
}

TEST_CASE_FIXTURE(RolloutItemsTest, "time is marked in the newest rollout, also when it is over") {
  CHECK(code(MarkTime{web, 4}) == Errc::none);
  CHECK(rollout().mark == 7000);
  change_rollout([](Rollout& r) { r.state = RolloutState::failed; });
  CHECK(code(MarkTime{web, 4}) == Errc::none);
  CHECK(rollout().mark == 7000);
}

TEST_CASE_FIXTURE(RolloutItemsTest,
                  "what is over and not the newest is forgotten, and all of it with the workload") {
  Rollout old = rollout();
  old.number = 3;
  b.commit({put(std::make_shared<const Rollout>(old))});
  CHECK(code(ForgetRollout{web, 3}) == Errc::failed_precondition);
  old.state = RolloutState::completed;
  b.commit({put(std::make_shared<const Rollout>(old))});
  CHECK(code(ForgetRollout{web, 4}) == Errc::failed_precondition);
  change_rollout([](Rollout& r) { r.state = RolloutState::completed; });
  CHECK(code(ForgetRollout{web, 4}) == Errc::failed_precondition);
  CHECK(code(ForgetRollout{web, 3}) == Errc::none);
  CHECK(b.view().rollout(web, 3) == nullptr);
  CHECK(code(ForgetRollout{web, 3}) == Errc::none);
  b.remove_workload("web");
  for (const std::uint64_t i : {0, 1}) b.commit({erase(replica_key(id(i)))});
  CHECK(code(ForgetWorkload{web}) == Errc::none);
  CHECK(b.view().rollouts_of(web).empty());
  CHECK(b.view().workload(web) == nullptr);
}

TEST_CASE_FIXTURE(RolloutItemsTest, "nothing is replaced by a rollout that is paused") {
  change_rollout([](Rollout& r) { r.paused = true; });
  change_workload([](Workload& w) { w.spec.rollout.min_available = 0; });
  const Error paused = propose(StopReplica{id(0), StopCause::rollout});
  CHECK(paused.code == Errc::failed_precondition);
  CHECK(paused.message.find("rollout 4 of workload default/web is paused") != std::string::npos);
  change_workload([](Workload& w) { w.spec.replicas = 1; });
  CHECK(code(StopReplica{id(0), StopCause::scale}) == Errc::none);
  change_rollout([](Rollout& r) { r.paused = false; });
  CHECK(code(StopReplica{id(1), StopCause::rollout}) == Errc::none);
}

TEST_CASE_FIXTURE(RolloutItemsTest,
                  "what may be asked serves no longer before it stops, if somebody follows it") {
  change_workload([](Workload& w) { w.spec.rollout.min_available = 1; });
  b.replica("web", SnapshotBuilder::running("n1", false));
  b.change_replica(id(2), [](Replica& r) { r.version = 1; });
  const auto stop = [&](std::uint64_t ordinal, StopCause cause) {
    owner::Plan plan(b.view());
    const auto answers = apply(plan, Proposal{"rollout", 0, {StopReplica{id(ordinal), cause}}},
                               {900, 5000, 7000}, [](const Workload&) { return true; });
    for (const auto& unit : plan.take_units()) b.commit(unit.changes);
    return answers[0].code;
  };
  const auto replica = [&](std::uint64_t ordinal) { return *b.view().replica(id(ordinal)); };
  // Never ready: nobody was ever told to ask it.
  CHECK(stop(2, StopCause::rollout) == Errc::none);
  CHECK(replica(2).stop == StopCause::rollout);
  CHECK(stop(0, StopCause::rollout) == Errc::none);
  CHECK(replica(0).stop == StopCause::none);
  CHECK(replica(0).withdrawn == StopCause::rollout);
  CHECK(replica(0).withdrawn_at == 7000);
  CHECK_FALSE(replica(0).serving);
  CHECK(replica(0).ready);
  // It counts as stopping already.
  CHECK(stop(1, StopCause::rollout) == Errc::failed_precondition);
  CHECK(stop(0, StopCause::rollout) == Errc::none);
  CHECK(replica(0).stop == StopCause::none);
  b.node("n1", [](Node& n) { n.state = NodeState::offline; });
  CHECK(stop(0, StopCause::node_lost) == Errc::none);
  CHECK(replica(0).phase == Phase::lost);
}

}  // namespace
}  // namespace cloudless::workload_state
