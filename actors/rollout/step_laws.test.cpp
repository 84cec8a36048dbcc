#include "actors/rollout/step_world.test.hpp"

// What must hold for every step, counted by the model world itself.
namespace cloudless::rollout::test {

void StepWorld::check_starts(const Step& step) const {
  std::int64_t started = 0;
  for (const auto& start : step.starts) {
    require(start.count > 0, "a start starts something");
    require(start.version == view_.version || versions_[start.version].proven,
            "what starts is current, or was ready once");
    require(start.version == view_.version || start.version == view_.rollout->from_version ||
                start.version == view_.serving_version,
            "what starts is current, what the rollout comes from, or what serves");
    started += start.count;
    if (view_.policy.strategy != RolloutStrategy::recreate) continue;
    for (const auto& r : view_.facts)
      require(is_terminal(r.phase) || r.version == start.version, "RECREATE never mixes versions");
  }
  if (started == 0) return;
  const std::int64_t wanted = view_.replicas;
  if (view_.policy.strategy == RolloutStrategy::blue_green) return check_sets(step);
  require(started <= std::max<std::int64_t>(0, wanted - filled()) ||
              filled() + started <= wanted + view_.bounds.max_surge,
          "no more than the surge");
  check_batch(step, started);
}

void StepWorld::check_sets(const Step& step) const {
  for (const auto& start : step.starts) {
    const auto there = std::count_if(view_.facts.begin(), view_.facts.end(),
                                     [&](const auto& r) { return alive(r) && r.version == start.version; });
    require(there + start.count <= std::int64_t{view_.replicas} + view_.bounds.max_surge,
            "BLUE_GREEN has two sets at most");
  }
}

/// All of the current version are available, and were so for the pause.
bool StepWorld::batch_may_begin() const {
  Millis last = 0;
  for (const auto& r : view_.facts) {
    if (!alive(r) || moves(r) || r.version != view_.version) continue;
    if (!counts(r, view_.serving_version)) return false;
    last = std::max(last, r.ready_at + view_.policy.min_ready);
  }
  return last == 0 || now_ >= last + view_.policy.pause_duration;
}

void StepWorld::check_batch(const Step& step, std::int64_t started) const {
  std::int64_t outdated = 0, moving = 0, current = 0;
  for (const auto& r : view_.facts)
    if (alive(r)) ++(moves(r) ? moving : r.version != view_.version ? outdated : current);
  if (outdated == 0) return;
  const std::int64_t extra = started - std::max<std::int64_t>(0, view_.replicas - filled());
  require(extra <= std::max<std::int64_t>(view_.bounds.batch, moving), "no more than a batch");
  require(batch_may_begin() || extra <= moving || view_.is_canary() || view_.is_frozen(),
          "a batch begins when the one before is available, and the pause is over");
  std::int64_t current_started = 0;
  for (const auto& start : step.starts) current_started += start.version == view_.version ? start.count : 0;
  const bool frozen = view_.is_frozen() && view_.from_proven && !view_.runs_to_completion &&
                      view_.serving_version != view_.version &&
                      view_.policy.strategy == RolloutStrategy::rolling_update;
  require(!frozen || current_started == 0, "nothing new starts while nothing may be replaced");
  if (view_.is_canary() && view_.from_proven)
    require(current_started == 0 ||
                current + current_started <= canary_size(*view_.policy.canary, view_.replicas) ||
                current_started + current <= view_.replicas - outdated - moving,
            "no more than the canary before it is promoted");
}

/// Each stop is judged after the ones before it, as the owner does.
void StepWorld::check_stops(const Step& step) const {
  std::int64_t left = available();
  std::int64_t opened = 0, places = filled();
  const bool named = view_.policy.max_unavailable.has_value() || view_.bounds.max_surge == 0;
  const bool lacks_room = std::any_of(view_.facts.begin(), view_.facts.end(), [&](const auto& r) {
    return alive(r) && r.version == view_.version && r.unplaceable;
  });
  const std::int64_t finished = std::count_if(view_.facts.begin(), view_.facts.end(), [&](const auto& r) {
    return !r.leaving && r.version == view_.version &&
           (r.phase == Phase::succeeded || r.phase == Phase::failed);
  });
  for (const auto& s : step.stops) {
    const auto& r = view_.facts[s.replica];
    require(!is_terminal(r.phase), "what has ended is not stopped");
    if (s.cause == StopCause::node_lost) {
      require(r.node == NodeStanding::lost, "only what is on a lost node is given up");
      continue;
    }
    require(alive(r), "a stop is told once");
    const bool serves = counts(r, view_.serving_version);
    require(r.node != NodeStanding::doubt || s.cause == StopCause::recreate || view_.serving_version != 0,
            "what is in doubt is left alone");
    --places;
    if (serves) --left;
    if (s.cause == StopCause::recreate) {
      require(view_.policy.strategy == RolloutStrategy::recreate && r.version != view_.version, "RECREATE");
      continue;
    }
    require(!serves || left >= view_.bounds.min_available, "stops stay above the floor");
    const bool asked =
        s.cause == StopCause::drain || s.cause == StopCause::taint || s.cause == StopCause::rebalance;
    require(!asked || (moves(r) && s.cause == r.move.cause), "what moves has to, and says why");
    if (s.cause != StopCause::rollout) continue;
    require(r.version != view_.version, "a rollout replaces what is outdated");
    require(!view_.is_frozen() || view_.policy.strategy == RolloutStrategy::blue_green, "a pause is a pause");
    if (view_.policy.strategy == RolloutStrategy::blue_green) {
      require(!serves, "BLUE_GREEN stops only what does not serve");
      continue;
    }
    opened += places < static_cast<std::int64_t>(view_.replicas) && (serves || r.proven) ? 1 : 0;
    if (serves && !named && !lacks_room)
      require(left >= static_cast<std::int64_t>(view_.replicas) - finished, "surge comes first");
  }
  require(opened <= view_.bounds.batch, "no more than a batch is taken away");
  require(opened == 0 || batch_may_begin(), "nothing is taken away while a batch is under way");
}

void StepWorld::check_end(const Step& step) const {
  if (step.switch_to && *step.switch_to != 0) {
    std::uint32_t good = 0;
    for (const auto& r : view_.facts) good += counts(r, 0) && r.version == *step.switch_to ? 1 : 0;
    const auto done = std::count_if(view_.facts.begin(), view_.facts.end(), [&](const auto& r) {
      return r.version == view_.version && r.phase == Phase::succeeded;
    });
    require(good + static_cast<std::uint32_t>(done) >= view_.replicas, "the switch is to a full set");
    require(!view_.is_active() || !view_.rollout->paused, "a paused rollout does not switch");
  }
  require(!step.promote || view_.is_canary(), "only a canary is promoted");
  if (step.verdict.state == RolloutState::completed) {
    require(view_.rollout->state == RolloutState::active || view_.rollout->state == RolloutState::failed,
            "it ends once");
    std::uint32_t good = 0;
    for (const auto& r : view_.facts) {
      good += (counts(r, 0) || r.phase == Phase::succeeded) && r.version == view_.version ? 1 : 0;
      require(view_.policy.strategy == RolloutStrategy::blue_green || !alive(r) || r.version == view_.version,
              "completed: nothing is outdated");
    }
    require(good >= view_.replicas, "completed: everything is available");
  }
  if (step.verdict.state == RolloutState::failed) {
    require(view_.is_active() && !view_.rollout->paused, "only what is under way fails");
    require(step.verdict.back_to == 0 ||
                (step.verdict.back_to != view_.version && versions_[step.verdict.back_to].proven),
            "it goes back to what was fully ready");
  }
}

void StepWorld::check_settled() const {
  const auto state = view_.rollout->state;
  require(state == RolloutState::completed || state == RolloutState::failed, "it ends");
  if (asked_ == Asked::good) require(state == RolloutState::completed, "a good version is completed");
  if (asked_ == Asked::bad && view_.replicas > 0) {
    if (way_back_ == 0) require(state == RolloutState::failed, "a bad version fails");
    if (way_back_ != 0)
      require(view_.version == way_back_ && view_.rollout->cause == RolloutCause::failed,
              "a bad version gives way to the last one that was fully ready");
  }
  if (state == RolloutState::failed) return;
  std::uint32_t good = 0;
  for (const auto& r : view_.facts)
    good += r.version == view_.version && (counts(r, view_.serving_version) || r.phase == Phase::succeeded)
                ? 1
                : 0;
  const Nature nature = versions_[view_.version].nature;
  const bool sound = nature == Nature::good || nature == Nature::slow;
  require(!sound || view_.runs_to_completion || good == view_.replicas, "as many as wanted are available");
}

}  // namespace cloudless::rollout::test
