#include "actors/runtime/restart.hpp"

#include <algorithm>

namespace cloudless::runtime {
namespace {

bool restarts(RestartMode mode, const AttemptEnd& end) {
  switch (mode) {
    case RestartMode::always:
      return true;
    case RestartMode::on_failure:
      return end.kind != EndKind::exited || end.exit_code != 0;
    case RestartMode::never:
      return end.kind != EndKind::exited && end.kind != EndKind::vanished;
  }
  return true;
}

Verdict final_verdict(const AttemptEnd& end) {
  return end.kind == EndKind::exited && end.exit_code == 0 ? Verdict::succeeded : Verdict::failed;
}

}  // namespace

Millis backoff_pause(const Backoff& backoff, std::uint32_t ends_in_a_row) {
  const Millis ceiling = std::max(backoff.max, backoff.initial);
  Millis pause = backoff.initial;
  for (std::uint32_t n = 1; n < ends_in_a_row && pause > 0 && pause < ceiling; ++n)
    pause = pause > ceiling / 2 ? ceiling : pause * 2;
  return std::min(pause, ceiling);
}

RestartDecision decide_restart(const RestartPolicy& policy, Tally tally, const AttemptEnd& end) {
  if (end.kind == EndKind::interrupted) return {Verdict::restart, policy.backoff.initial, tally};
  const bool ran = end.kind == EndKind::exited || end.kind == EndKind::vanished;
  if (ran && end.ran_for >= policy.backoff.reset_after) tally = {};
  ++tally.ends_in_a_row;
  if (!restarts(policy.mode, end)) return {final_verdict(end), 0, tally};
  if (end.kind != EndKind::no_image && policy.max_retries) {
    if (tally.retries_in_a_row >= *policy.max_retries) return {final_verdict(end), 0, tally};
    ++tally.retries_in_a_row;
  }
  return {Verdict::restart, backoff_pause(policy.backoff, tally.ends_in_a_row), tally};
}

}  // namespace cloudless::runtime
