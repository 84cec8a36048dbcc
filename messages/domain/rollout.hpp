// One rollout of a workload: the way from one version of its template to another. Everything that a rollout
// must know again after a crash is here or in the replicas' stamps; what it does next is computed by
// actors/rollout/step, and judged by actors/workload_state.
#pragma once

#include <cstdint>
#include <string>

#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless {

/// What made it. The values are stored and sent: never renumber.
enum class RolloutCause : std::uint8_t {
  created = 1,    ///< the workload is new
  updated = 2,    ///< a user changed the template
  restarted = 3,  ///< a user wants new containers of the same template
  undone = 4,     ///< a user wants an earlier version back
  aborted = 5,    ///< a user broke the one before off: back to the last version that was fully ready
  failed = 6,     ///< the one before failed: back to the last version that was fully ready
};
const char* to_string(RolloutCause cause);

/// Only moves from active to one of the others; failed may still become completed, when every replica got
/// ready late.
enum class RolloutState : std::uint8_t {
  active = 1,
  completed = 2,   ///< every replica is of to_version and ready (BLUE_GREEN: and serves)
  failed = 3,      ///< `reason` says why; nothing more is replaced by it
  superseded = 4,  ///< another one began before it was complete
};
const char* to_string(RolloutState state);

/// Record "rollout/<uid>/<number>". The newest one of a workload is Workload::rollout. Owner: workload_state.
struct Rollout {
  WorkloadUid workload;
  std::uint64_t number = 1;  ///< grows by one with each rollout of the workload, from 1
  RolloutCause cause = RolloutCause::created;
  std::uint64_t from_version = 0;  ///< current before it; 0: none
  std::uint64_t to_version = 1;
  RolloutState state = RolloutState::active;
  bool paused = false;    ///< by a user; nothing new starts or stops for it
  bool promoted = false;  ///< the canary was found good
  std::string by;         ///< principal who asked for it; empty: the system itself
  std::string reason;     ///< why it failed or was superseded, in words; at most 1024 bytes
  WallMillis created_at = 0;
  WallMillis ended_at = 0;  ///< 0 while active

  // Store time (messages/domain/store_clock.hpp).
  Millis started_at = 0;
  Millis progress_from = 0;  ///< the progress deadline counts from here: start, resume, promotion, switch
  Millis switched_at = 0;    ///< BLUE_GREEN: when to_version began to serve; 0: not yet
  Millis mark = 0;           ///< the owner's time when this record was written

  bool is_active() const { return state == RolloutState::active; }
  bool operator==(const Rollout&) const = default;
};

}  // namespace cloudless
