#include "actors/workload_state/control.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "actors/workload_state/command.hpp"

namespace cloudless::workload_state {
namespace {

/// Carries commands on workload default/web out one after the other; each a second after the one before.
class ControlTest {
 public:
  ControlTest() {
    WorkloadSpec spec;
    spec.pod.image = "web:1";
    spec.replicas = 2;
    spec.limits.memory_bytes = 100 << 20;
    REQUIRE(run(CreateWorkload{"default", "web", spec}).has_value());
  }
  template <class Action>
  Result<Workload> run(Action action) {
    owner::Plan plan(head);
    ++stamp;
    WorkloadCommand command;
    command.context.principal = "ann";
    command.action = std::move(action);
    auto answer = apply(plan, command, {stamp, static_cast<WallMillis>(stamp) * 1000, moment()},
                        [](const Workload&) { return false; });
    units = plan.take_units();
    head = plan.now();
    return answer;
  }
  Result<Workload> control(RolloutAction action, std::uint64_t to_version = 0) {
    return run(ControlRollout{"default", "web", action, to_version, 0});
  }
  /// What it is refused with; it must be refused, and plan nothing.
  Error refusal(RolloutAction action, std::uint64_t to_version = 0) {
    const auto answer = control(action, to_version);
    REQUIRE_FALSE(answer.has_value());
    CHECK(units.empty());
    return answer.error();
  }
  Result<Workload> update(const std::function<void(WorkloadSpec&)>& how) {
    WorkloadSpec spec = now().spec;
    how(spec);
    return run(UpdateWorkload{"default", "web", spec, false, 0});
  }
  void update_image(const std::string& image) {
    REQUIRE(update([&](WorkloadSpec& s) { s.pod.image = image; }).has_value());
  }
  void end(RolloutState state) {
    Rollout r = rollout();
    r.state = state;
    head.apply(put(std::make_shared<const Rollout>(r)));
    if (state != RolloutState::completed) return;
    Version v = *head.version(now().uid, r.to_version);
    v.proven = true;
    head.apply(put(std::make_shared<const Version>(v)));
  }
  Workload now() const { return *head.workload("default", "web"); }
  Rollout rollout(std::uint64_t number = 0) const {
    const auto found = head.rollout(now().uid, number != 0 ? number : now().rollout);
    REQUIRE(found != nullptr);
    return *found;
  }
  Millis moment() const { return static_cast<Millis>(stamp) * 10; }

  Snapshot head;
  Revision stamp = 100;
  std::vector<owner::CommitUnit> units;
};

bool says(const Error& error, const std::string& words) {
  return error.message.find(words) != std::string::npos;
}

TEST_CASE_FIXTURE(ControlTest, "a create and every change of the template begin a rollout in the same unit") {
  CHECK(now().rollout == 1);
  CHECK(rollout().cause == RolloutCause::created);
  CHECK(rollout().from_version == 0);
  CHECK(rollout().to_version == 1);
  CHECK(rollout().by == "ann");
  CHECK(rollout().created_at == 101'000);
  CHECK(rollout().started_at == 1010);
  CHECK(rollout().progress_from == 1010);
  CHECK(rollout().mark == 1010);
  CHECK(head.version(now().uid, 1)->created_at == 101'000);
  update_image("web:2");
  REQUIRE(units.size() == 1);
  CHECK(rollout(1).state == RolloutState::superseded);
  CHECK(rollout(1).ended_at == 102'000);
  CHECK(rollout(1).reason.find("rollout 2 to version 2") != std::string::npos);
  CHECK(rollout(2).cause == RolloutCause::updated);
  CHECK(rollout(2).from_version == 1);
  CHECK(rollout(2).to_version == 2);
  CHECK(rollout(2).is_active());
  CHECK(now().version == 2);
  CHECK(now().latest_version == 2);
  REQUIRE(run(ScaleWorkload{"default", "web", 5, 0}).has_value());
  REQUIRE(update([](WorkloadSpec& s) { s.rollout.pause_duration = 5; }).has_value());
  CHECK(now().rollout == 2);
  CHECK(now().version == 2);
}

TEST_CASE_FIXTURE(ControlTest, "a rollout is paused and goes on with a deadline that counts anew") {
  const Revision revision = now().revision;
  REQUIRE(control(RolloutAction::pause).has_value());
  CHECK(rollout().paused);
  CHECK(control(RolloutAction::pause).has_value());
  CHECK(units.empty());
  REQUIRE(control(RolloutAction::resume).has_value());
  CHECK_FALSE(rollout().paused);
  CHECK(rollout().progress_from == moment());
  CHECK(control(RolloutAction::resume).has_value());
  CHECK(units.empty());
  CHECK(now().revision == revision);
}

TEST_CASE_FIXTURE(ControlTest, "what is over is neither paused, resumed, promoted nor aborted") {
  for (const auto state : {RolloutState::completed, RolloutState::failed}) {
    end(state);
    for (const auto action :
         {RolloutAction::pause, RolloutAction::resume, RolloutAction::promote, RolloutAction::abort}) {
      const Error why = refusal(action);
      CHECK(why.code == Errc::failed_precondition);
      CHECK(says(why, "rollout 1 of workload default/web is " + std::string(to_string(state))));
      CHECK(says(why, "; "));
    }
  }
}

TEST_CASE_FIXTURE(ControlTest, "only a canary is promoted") {
  REQUIRE(update([](WorkloadSpec& s) { s.rollout.canary = Canary{}; }).has_value());
  CHECK(says(refusal(RolloutAction::promote), "is the first one"));
  end(RolloutState::completed);
  update_image("web:2");
  REQUIRE(control(RolloutAction::promote).has_value());
  CHECK(rollout().promoted);
  CHECK(rollout().progress_from == moment());
  CHECK(control(RolloutAction::promote).has_value());
  CHECK(units.empty());
  REQUIRE(update([](WorkloadSpec& s) {
            s.pod.image = "web:3";
            s.rollout.canary.reset();
          }).has_value());
  const Error why = refusal(RolloutAction::promote);
  CHECK(why.code == Errc::failed_precondition);
  CHECK(says(why, "has no canary to promote"));
  CHECK(says(why, "spec.rollout.canary"));
}

TEST_CASE_FIXTURE(ControlTest, "abort goes back to where the rollout came from, in one unit") {
  end(RolloutState::completed);
  update_image("web:2");
  end(RolloutState::completed);
  REQUIRE(control(RolloutAction::undo, 1).has_value());
  end(RolloutState::completed);
  update_image("web:3");
  const Revision revision = now().revision;
  REQUIRE(control(RolloutAction::abort).has_value());
  REQUIRE(units.size() == 1);
  CHECK(now().version == 1);
  CHECK(now().latest_version == 3);
  CHECK(now().spec.pod.image == "web:1");
  CHECK(now().revision > revision);
  CHECK(rollout(4).state == RolloutState::superseded);
  CHECK(rollout(5).cause == RolloutCause::aborted);
  CHECK(rollout(5).from_version == 3);
  CHECK(rollout(5).to_version == 1);
  // The next change gets a number that was never used.
  update_image("web:4");
  CHECK(now().version == 4);
}

TEST_CASE_FIXTURE(ControlTest, "there must be something to go back to") {
  for (const auto action : {RolloutAction::abort, RolloutAction::undo}) {
    const Error why = refusal(action);
    CHECK(why.code == Errc::failed_precondition);
    CHECK(says(why, "nothing to go back to"));
  }
  update_image("web:2");
  CHECK(says(refusal(RolloutAction::undo), "(1, 2) in to_version"));
  CHECK(says(refusal(RolloutAction::abort), "name a version with undo"));
  // By name any version will do.
  REQUIRE(control(RolloutAction::undo, 1).has_value());
  CHECK(now().version == 1);
}

TEST_CASE_FIXTURE(ControlTest, "undo chooses the newest other version that was fully ready") {
  end(RolloutState::completed);
  update_image("web:2");
  end(RolloutState::completed);
  update_image("web:3");
  end(RolloutState::failed);
  REQUIRE(control(RolloutAction::undo).has_value());
  CHECK(now().version == 2);
  CHECK(rollout().cause == RolloutCause::undone);
  CHECK(rollout(3).state == RolloutState::failed);
  end(RolloutState::completed);
  REQUIRE(control(RolloutAction::undo).has_value());
  CHECK(now().version == 1);
}

TEST_CASE_FIXTURE(ControlTest, "undo to an unknown version names those that are kept") {
  update_image("web:2");
  const Error unknown = refusal(RolloutAction::undo, 9);
  CHECK(unknown.code == Errc::invalid_argument);
  REQUIRE(unknown.violations.size() == 1);
  CHECK(unknown.violations[0].path == "to_version");
  CHECK(unknown.violations[0].reason == "is 9; the versions that are kept are 1, 2");
  const Error same = refusal(RolloutAction::undo, 2);
  CHECK(same.code == Errc::failed_precondition);
  CHECK(says(same, "restart makes new containers of it"));
  const Error misplaced = refusal(RolloutAction::pause, 1);
  CHECK(misplaced.code == Errc::invalid_argument);
  CHECK(misplaced.violations[0].path == "to_version");
}

TEST_CASE_FIXTURE(ControlTest, "going back leaves the limits, but never below what that version requests") {
  REQUIRE(update([](WorkloadSpec& s) {
            s.pod.requests.memory_bytes = 10 << 20;
            s.limits.memory_bytes = 20 << 20;
          }).has_value());
  REQUIRE(control(RolloutAction::undo, 1).has_value());
  CHECK(now().spec.pod.requests.memory_bytes == 32 << 20);
  CHECK(now().spec.limits.memory_bytes == 32 << 20);
  REQUIRE(control(RolloutAction::undo, 2).has_value());
  CHECK(now().spec.limits.memory_bytes == 32 << 20);
}

TEST_CASE_FIXTURE(ControlTest,
                  "a restart is a new version of the same template, whose image is resolved anew") {
  Version pinned = *head.version(now().uid, 1);
  pinned.image_digest = "sha256:1";
  head.apply(put(std::make_shared<const Version>(pinned)));
  REQUIRE(control(RolloutAction::restart).has_value());
  CHECK(now().version == 2);
  CHECK(rollout().cause == RolloutCause::restarted);
  CHECK(head.version(now().uid, 2)->pod == pinned.pod);
  CHECK(head.version(now().uid, 2)->image_digest.empty());
  CHECK_FALSE(head.version(now().uid, 2)->proven);
}

TEST_CASE_FIXTURE(ControlTest,
                  "a rollout is controlled at the revision that was seen, and only if it is there") {
  const Revision seen = now().revision;
  update_image("web:2");
  const auto late = run(ControlRollout{"default", "web", RolloutAction::pause, 0, seen});
  CHECK(late.error().code == Errc::aborted);
  CHECK(run(ControlRollout{"default", "db", RolloutAction::pause, 0, 0}).error().code == Errc::not_found);
}

TEST_CASE_FIXTURE(ControlTest, "what serves stays the same while a BLUE_GREEN rollout is under way") {
  const auto add = [&](std::uint64_t ordinal, std::uint64_t version, bool ready) {
    Replica r;
    r.workload = now().uid;
    r.ordinal = ordinal;
    r.id = replica_id("web", r.workload, ordinal);
    r.version = version;
    r.phase = Phase::running;
    r.ready = ready;
    r.node = NodeId{"n1"};
    head.apply(put(std::make_shared<const Replica>(r)));
  };
  add(0, 1, true);
  REQUIRE(update([](WorkloadSpec& s) { s.rollout.strategy = RolloutStrategy::blue_green; }).has_value());
  CHECK(now().serving_version == 0);
  SUBCASE("one version serves: it goes on") {
    add(1, 7, false);
    update_image("web:2");
    CHECK(now().serving_version == 1);
    update_image("web:3");
    CHECK(now().serving_version == 1);
    REQUIRE(control(RolloutAction::restart).has_value());
    CHECK(now().serving_version == 1);
    // Nothing but one version at a time needs that mark.
    REQUIRE(update([](WorkloadSpec& s) { s.rollout.strategy = RolloutStrategy::recreate; }).has_value());
    CHECK(now().serving_version == 0);
  }
  SUBCASE("what runs to completion is never switched") {
    REQUIRE(update([](WorkloadSpec& s) { s.pod.restart.mode = RestartMode::on_failure; }).has_value());
    CHECK(now().serving_version == 0);
  }
  SUBCASE("two serve: nothing that is available stops counting") {
    add(1, 7, true);
    update_image("web:2");
    CHECK(now().serving_version == 0);
  }
}

TEST_CASE_FIXTURE(ControlTest, "a policy that could replace nothing is refused") {
  const auto answer = update([](WorkloadSpec& s) {
    s.rollout.max_surge = IntOrPercent{0, false};
    s.rollout.max_unavailable = IntOrPercent{0, true};
  });
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == Errc::invalid_argument);
  CHECK(answer.error().violations[0].path == "spec.rollout.max_surge");
  const auto share = update([](WorkloadSpec& s) { s.rollout.max_unavailable = IntOrPercent{101, true}; });
  REQUIRE_FALSE(share.has_value());
  CHECK(share.error().violations[0].path == "spec.rollout.max_unavailable.percent");
}

}  // namespace
}  // namespace cloudless::workload_state
