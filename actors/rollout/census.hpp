// A workload's replicas sorted by what they mean for it: wanted, outdated, moving, lost, over. Pure;
// step() decides on it. Every replica is in exactly one list; lists hold indexes into WorkloadView::facts, in
// the order of ordinals. "Alive" is: not ended, not on its way out, and its node not lost.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/rollout/workload_view.hpp"

namespace cloudless::rollout {

using Indexes = std::vector<std::size_t>;

struct Census {
  Indexes current;   ///< alive, of the current version, and may stay where it is
  Indexes outdated;  ///< alive, of another version, and may stay where it is
  Indexes moving;    ///< alive, and has to leave its node now
  Indexes lost;      ///< alive for all we know, but the node is OFFLINE or gone
  Indexes leaving;   ///< told to stop or withdrawn, not ended yet
  Indexes finished;  ///< of the current version, ended by themselves: their place is filled
  Indexes history;   ///< ended otherwise

  std::vector<bool> is_available;   ///< of WorkloadView::facts, as the owner counts
  std::uint32_t available = 0;      ///< how many of them
  Millis newest_first_ready = 0;    ///< of the current version; 0: none was ever ready
  std::optional<Millis> next_good;  ///< when the next one has been ready for min_ready
  std::optional<Millis> next_move;  ///< when the next one has to leave its node
};

/// Of the current version and ended by itself: it is not replaced.
bool fills_place(const WorkloadView& view, const ReplicaFact& replica);

Census take_census(const WorkloadView& view, Millis now);

}  // namespace cloudless::rollout
