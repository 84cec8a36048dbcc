#include "actors/rollout/verdict.hpp"

#include <algorithm>

namespace cloudless::rollout {
namespace {

/// Replicas of the current version that are as they should be, done jobs included.
std::size_t good_ones(const WorkloadView& view, const Census& census, bool switching, Millis now) {
  std::size_t good = 0;
  const auto count = [&](const Indexes& list) {
    for (const std::size_t i : list) {
      const auto& r = view.facts[i];
      if (r.version == view.version)
        good += (switching ? is_good(view, r, now) : census.is_available[i]) ? 1 : 0;
    }
  };
  count(census.current);
  count(census.moving);
  if (view.runs_to_completion)
    for (const std::size_t i : census.finished) good += view.facts[i].phase == Phase::succeeded ? 1 : 0;
  return good;
}

bool has_outdated(const WorkloadView& view, const Census& census) {
  return !census.outdated.empty() ||
         std::any_of(census.moving.begin(), census.moving.end(),
                     [&](std::size_t i) { return view.facts[i].version != view.version; });
}

bool is_complete(const WorkloadView& view, const Census& census, bool switching, Millis now) {
  if (view.is_canary()) return false;
  const bool blue_green = view.policy.strategy == RolloutStrategy::blue_green;
  const bool switched = blue_green && (switching || view.serving_version == view.version);
  // Also without a single replica: those that come later are to serve.
  if (blue_green && !switched && view.serving_version != 0) return false;
  if (!switched && has_outdated(view, census)) return false;
  return good_ones(view, census, switching, now) >= view.replicas;
}

/// The newest replica of the current version that is not as it should be.
std::optional<std::size_t> newest_failing(const WorkloadView& view, const Census& census, Millis now) {
  std::optional<std::size_t> newest;
  const auto look = [&](const Indexes& list) {
    for (const std::size_t i : list) {
      const auto& r = view.facts[i];
      if (r.version != view.version || is_good(view, r, now)) continue;
      if (!newest || r.ordinal > view.facts[*newest].ordinal) newest = i;
    }
  };
  look(census.current);
  look(census.moving);
  look(census.lost);
  return newest;
}

Verdict failed(const WorkloadView& view, Failure failure, std::optional<std::size_t> replica) {
  const auto cause = view.rollout->cause;
  const bool goes_back = cause == RolloutCause::failed || cause == RolloutCause::aborted;
  Verdict out;
  out.state = RolloutState::failed;
  out.failure = failure;
  out.replica = replica;
  if (view.policy.auto_rollback && !goes_back && !view.runs_to_completion) out.back_to = view.last_proven;
  return out;
}

/// The newest one that has been running for too long without ever being ready.
std::optional<std::size_t> never_ready(const WorkloadView& view, const Census& census, Alarm& alarm) {
  std::optional<std::size_t> found;
  for (const std::size_t i : census.current) {
    const auto& r = view.facts[i];
    // Of a node in doubt nobody knows whether it is ready.
    if (r.running_at == 0 || r.first_ready_at != 0 || r.ready || r.node != NodeStanding::ready) continue;
    const Millis from = std::max(r.running_at, view.rollout->progress_from);
    if (alarm.is_due(from + view.policy.ready_timeout + view.startup_allowance)) found = i;
  }
  return found;
}

/// Waiting that was asked for (min_ready, pause_duration) is not a lack of progress.
Millis progress_deadline_of(const WorkloadView& view, const Census& census) {
  const Millis newest = census.newest_first_ready;
  const Millis waited = newest + view.policy.min_ready + view.policy.pause_duration;
  const Millis from =
      std::max({view.rollout->started_at, view.rollout->progress_from, newest == 0 ? 0 : waited});
  return from + view.policy.progress_deadline;
}

}  // namespace

bool canary_waits(const WorkloadView& view, const Census& census) {
  if (!view.is_canary()) return false;
  return census.current.size() >= canary_size(*view.policy.canary, view.replicas) &&
         std::all_of(census.current.begin(), census.current.end(),
                     [&](std::size_t i) { return census.is_available[i]; });
}

bool canary_is_good(const WorkloadView& view, const Census& census, Millis now, Alarm& alarm) {
  if (view.is_frozen() || !canary_waits(view, census) || !view.policy.canary->promote_after) return false;
  Millis since = 0;
  for (const std::size_t i : census.current) since = std::max(since, view.facts[i].ready_at);
  return alarm.is_due(since + *view.policy.canary->promote_after);
}

Verdict judge(const WorkloadView& view, const Census& census, bool switching, Millis now, Alarm& alarm) {
  Verdict out;
  if (!view.rollout) return out;
  const bool is_open = view.is_active() || view.rollout->state == RolloutState::failed;
  if (is_open && is_complete(view, census, switching, now)) {
    out.state = RolloutState::completed;
    return out;
  }
  if (!view.is_active() || view.rollout->paused) return out;
  for (auto i = census.finished.rbegin(); i != census.finished.rend(); ++i)
    if (view.facts[*i].phase == Phase::failed) return failed(view, Failure::ended, *i);
  if (const auto replica = never_ready(view, census, alarm))
    return failed(view, Failure::never_ready, replica);
  if (!canary_waits(view, census) && alarm.is_due(progress_deadline_of(view, census)))
    return failed(view, Failure::deadline, newest_failing(view, census, now));
  return out;
}

}  // namespace cloudless::rollout
