// What follows the end of a container: another start after a pause, or the replica's end. Pure; lifecycle.cpp
// asks it. The curve is the one that the API documents: min(initial * 2^(ends in a row - 1), max), begun anew
// after reset_after of running.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "messages/domain/workload.hpp"

namespace cloudless::runtime {

/// Counts that outlive an attempt, and the agent (they are part of ReplicaProgress).
struct Tally {
  std::uint32_t ends_in_a_row = 0;     ///< of any kind; decides the pause
  std::uint32_t retries_in_a_row = 0;  ///< restarts that count against max_retries
  bool operator==(const Tally&) const = default;
};

/// How an attempt ended.
enum class EndKind : std::uint8_t {
  exited,        ///< its process ended, exit_code says how
  unhealthy,     ///< a probe failed and we ended it, whatever its exit code
  vanished,      ///< its container is gone and nobody knows the exit code
  start_failed,  ///< its command or its spec cannot be run
  no_image,      ///< the image could not be prepared
  interrupted,   ///< the runtime or the agent went away meanwhile; not the workload's fault
};

struct AttemptEnd {
  EndKind kind = EndKind::exited;
  std::int32_t exit_code = 0;  ///< of exited
  Millis ran_for = 0;          ///< 0 when it never ran
};

enum class Verdict : std::uint8_t { restart, succeeded, failed };

struct RestartDecision {
  Verdict verdict = Verdict::restart;
  Millis pause = 0;              ///< before the next attempt
  Tally tally;                   ///< from now on
  bool retries_used_up = false;  ///< failed, because of max_retries
};

/// Milliseconds before the next attempt after so many ends in a row (from 1).
Millis backoff_pause(const Backoff& backoff, std::uint32_t ends_in_a_row);

/// Exit code 0 counts as an end, too: under ALWAYS a container that ends at once is not started in a tight
/// loop. Images are tried again without limit in every mode, for nothing ran yet; starts that fail count
/// against max_retries.
RestartDecision decide_restart(const RestartPolicy& policy, Tally tally, const AttemptEnd& end);

/// "it starts again after 8 s, at 12:31:05 UTC"; `at` by wall clock.
std::string restart_notice(Millis pause, WallMillis at);

}  // namespace cloudless::runtime
