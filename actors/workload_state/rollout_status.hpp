// Where a rollout is and what it waits for, in words: derived from the workload's records; for gateways, from
// their mirror, and for the workload's own status. Pure. What happens next is decided by actors/rollout/step;
// this only tells it.
#pragma once

#include "messages/domain/rollout.hpp"
#include "messages/domain/rollout_status.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::workload_state {

/// Now, on both clocks. A wall time of 0: how long something has lasted is left out.
struct StatusTime {
  Millis store = 0;  ///< messages/domain/store_clock.hpp
  WallMillis wall = 0;
};

/// Requests may go to it if it is ready: not on its way out, and of the version that serves.
bool receives_requests(const Workload& workload, const Replica& replica);

/// `rollout` is one of the workload's.
RolloutStatus derive_rollout(const Snapshot& snapshot, const Workload& workload, const Rollout& rollout,
                             const StatusTime& now);

}  // namespace cloudless::workload_state
