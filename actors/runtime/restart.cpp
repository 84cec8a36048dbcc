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
      return end.kind != EndKind::exited && end.kind != EndKind::unhealthy && end.kind != EndKind::vanished;
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
  const bool ran =
      end.kind == EndKind::exited || end.kind == EndKind::unhealthy || end.kind == EndKind::vanished;
  if (ran && end.ran_for >= policy.backoff.reset_after) tally = {};
  ++tally.ends_in_a_row;
  if (!restarts(policy.mode, end)) return {final_verdict(end), 0, tally};
  if (end.kind != EndKind::no_image && policy.max_retries) {
    if (tally.retries_in_a_row >= *policy.max_retries)
      return {final_verdict(end), 0, tally, final_verdict(end) == Verdict::failed && *policy.max_retries > 0};
    ++tally.retries_in_a_row;
  }
  return {Verdict::restart, backoff_pause(policy.backoff, tally.ends_in_a_row), tally};
}

std::string restart_notice(Millis pause, WallMillis at) {
  std::string duration = std::to_string(pause) + " ms";
  if (pause >= 1000) {
    duration = std::to_string(pause / 1000);
    if (const auto tenths = pause % 1000 / 100) duration += "." + std::to_string(tenths);
    duration += " s";
  }
  const auto second_of_day = static_cast<int>(at / 1000 % 86400);
  const auto two = [](int number) { return std::string(number < 10 ? "0" : "") + std::to_string(number); };
  return "it starts again after " + duration + ", at " + two(second_of_day / 3600) + ":" +
         two(second_of_day / 60 % 60) + ":" + two(second_of_day % 60) + " UTC";
}

}  // namespace cloudless::runtime
