#include "actors/rollout/step.hpp"

#include <algorithm>

#include "actors/rollout/census.hpp"
#include "actors/rollout/planner.hpp"
#include "actors/rollout/verdict.hpp"

namespace cloudless::rollout {
namespace {

void plan(const WorkloadView& view, Planner& planner) {
  switch (view.policy.strategy) {
    case RolloutStrategy::rolling_update:
      planner.rolling_update();
      break;
    case RolloutStrategy::recreate:
      planner.recreate();
      break;
    case RolloutStrategy::blue_green:
      planner.blue_green();
      break;
  }
  planner.give_up_lost();
}

}  // namespace

Step step(const WorkloadView& view, Millis now) {
  Step out;
  Alarm alarm(now);
  const Census census = take_census(view, now);
  if (census.next_good) alarm.is_due(*census.next_good);
  if (census.next_move) alarm.is_due(*census.next_move);
  Census rest = census;
  Planner planner(view, rest, now, alarm, out);
  plan(view, planner);

  const bool switching = out.switch_to && *out.switch_to == view.version;
  out.verdict = judge(view, census, switching, now, alarm);
  if (out.verdict.state == RolloutState::failed) {
    // What comes next is another rollout's: only what the lost nodes leave behind still goes.
    out.starts.clear();
    out.switch_to.reset();
    std::erase_if(out.stops, [](const Stop& s) { return s.cause != StopCause::node_lost; });
    return out;
  }
  out.promote = canary_is_good(view, census, now, alarm);
  out.wake_at = alarm.next();
  if (view.rollout && out.wake_at && (view.is_active() || census.next_move)) {
    out.mark = now - view.rollout->mark >= kMarkEvery;
    if (!out.mark) out.wake_at = std::min(*out.wake_at, view.rollout->mark + kMarkEvery);
  }
  return out;
}

}  // namespace cloudless::rollout
