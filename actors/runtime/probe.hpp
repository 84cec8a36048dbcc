// One probe of a running container as a pure state machine: when to ask next, what the answers in a row mean.
// lifecycle.cpp owns up to three of them (startup, liveness, readiness) and draws the consequences. Always
// holds: one question at a time; a late answer to an earlier question changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/runtime/probe_port.hpp"
#include "messages/domain/replica.hpp"

namespace cloudless::runtime {

/// A share of a whole in parts per million, 0 to 999,999: how far a moment is moved so that the questions of
/// many containers spread out.
using Jitter = std::uint32_t;

struct ProbeRun {
  ProbeKind kind = ProbeKind::readiness;
  Probe spec;
  ProbeStanding standing = ProbeStanding::waiting;
  WallMillis since = 0;        ///< when the standing was reached, or its first failure came while waiting
  std::uint32_t passes = 0;    ///< in a row
  std::uint32_t failures = 0;  ///< in a row
  std::string failure;         ///< the last failure in words, as it is shown; empty while there was none
  Millis words_at = 0;         ///< steady; before then other words of the same standing are not shown
  Millis words_pause = 0;
  std::optional<Millis> ask_at;  ///< steady; absent: not yet begun, over, or a question is under way
  Millis asked_at = 0;           ///< steady
  std::uint64_t asked = 0;       ///< questions so far; the last one's number
  bool asking = false;           ///< the last one has no answer yet

  bool operator==(const ProbeRun&) const = default;
};

/// Failures that only differ in their words are shown after a pause, which doubles each time: each change is
/// a report.
constexpr Millis kFirstWordsPause = 1000;
constexpr Millis kMostWordsPause = 32'000;

/// The first question of a container that started at `started_at` (steady): after the initial delay, moved by
/// a tenth of the period or 100 ms at most.
Millis first_question(const Probe& spec, Millis started_at, Jitter jitter);
/// The first question to a container that was found running: within a period from now, at the earliest after
/// its initial delay.
Millis first_question_again(const Probe& spec, Millis started_at, Millis now, Jitter jitter);

/// True if a question is due: it counts as asked now, and its number is `run.asked`.
bool ask_if_due(ProbeRun& run, Millis now);

/// Takes the answer to question `number`; the next one comes a period after it was asked, 5 % less or more by
/// the jitter, at a multiple of 50 ms of steady time (of 10, 5 or 1 ms with periods below a second).
/// True if the standing changed or what is shown did.
bool take_answer(ProbeRun& run, std::uint64_t number, const ProbeAnswer& answer, Now now, Jitter jitter);

/// No more questions; what is shown stays.
void end_probe(ProbeRun& run);

/// What others see.
ProbeStatus status_of(const ProbeRun& run);

}  // namespace cloudless::runtime
