#include "actors/runtime/probe.hpp"

#include <algorithm>

namespace cloudless::runtime {
namespace {

constexpr std::int64_t kWhole = 1'000'000;
constexpr Millis kMostFirstJitter = 100;

Millis share(Millis span, Jitter jitter) {
  return span * static_cast<std::int64_t>(jitter) / kWhole;
}

/// The moments at which questions with this period are asked lie this far apart: 5 % of it or less, and each
/// such grid is part of the finer ones.
Millis slot_of(Millis period) {
  for (const Millis slot : {50, 10, 5})
    if (slot <= period / 20) return slot;
  return 1;
}

/// A period after `asked_at`, 5 % less or more, on the grid of steady time that all probes share: then many
/// questions wake the agent once.
Millis next_slot(Millis period, Millis asked_at, Jitter jitter) {
  const Millis slot = slot_of(period);
  const Millis earliest = asked_at + period - period / 20;
  const Millis latest = earliest + period / 10;
  const Millis at = (earliest + share(period / 10, jitter) + slot / 2) / slot * slot;
  if (at < earliest) return at + slot;
  return at > latest ? at - slot : at;
}

/// True if it is shown: in a new row of failures, in a new standing, or when the old words are old.
bool show_failure(ProbeRun& run, const std::string& words, bool at_once, Millis now) {
  if (words == run.failure) return false;
  if (!at_once && now < run.words_at) return false;
  run.words_pause = at_once ? kFirstWordsPause : std::min(2 * run.words_pause, kMostWordsPause);
  run.words_at = now + run.words_pause;
  run.failure = words;
  return true;
}

bool take_pass(ProbeRun& run, WallMillis wall) {
  run.failures = 0;
  run.passes = std::min(run.passes + 1, run.spec.success_threshold);
  if (run.standing == ProbeStanding::passing || run.passes < run.spec.success_threshold) return false;
  run.standing = ProbeStanding::passing;
  run.since = wall;
  return true;
}

bool take_failure(ProbeRun& run, const std::string& words, Now now) {
  const bool first_ever = run.failure.empty();
  run.passes = 0;
  run.failures = std::min(run.failures + 1, run.spec.failure_threshold);
  const bool fails = run.standing != ProbeStanding::failing && run.failures >= run.spec.failure_threshold;
  if (run.standing == ProbeStanding::waiting && first_ever) run.since = now.wall;
  if (!fails) {
    // Below the threshold a passing probe's failure is nobody's business yet.
    if (run.standing == ProbeStanding::passing) return false;
    return show_failure(run, words, first_ever, now.steady);
  }
  if (run.standing == ProbeStanding::passing || run.since == 0) run.since = now.wall;
  run.standing = ProbeStanding::failing;
  show_failure(run, words, true, now.steady);
  return true;
}

}  // namespace

Millis first_question(const Probe& spec, Millis started_at, Jitter jitter) {
  return started_at + spec.initial_delay + share(std::min(spec.period / 10, kMostFirstJitter), jitter);
}

Millis first_question_again(const Probe& spec, Millis started_at, Millis now, Jitter jitter) {
  return std::max(now, started_at + spec.initial_delay) + share(spec.period, jitter);
}

bool ask_if_due(ProbeRun& run, Millis now) {
  if (!run.ask_at || *run.ask_at > now) return false;
  run.ask_at.reset();
  run.asked_at = now;
  run.asking = true;
  ++run.asked;
  return true;
}

bool take_answer(ProbeRun& run, std::uint64_t number, const ProbeAnswer& answer, Now now, Jitter jitter) {
  if (!run.asking || number != run.asked) return false;
  run.asking = false;
  run.ask_at = std::max(next_slot(run.spec.period, run.asked_at, jitter), now.steady);
  switch (answer.outcome) {
    case ProbeOutcome::passed:
      return take_pass(run, now.wall);
    case ProbeOutcome::failed:
      return take_failure(run, answer.text, now);
    case ProbeOutcome::unknown:
      return false;
  }
  return false;
}

void end_probe(ProbeRun& run) {
  run.ask_at.reset();
  run.asking = false;
}

ProbeStatus status_of(const ProbeRun& run) {
  return {run.kind, run.standing, run.failure, run.since};
}

}  // namespace cloudless::runtime
