// Who belongs together: the waiting replicas of one version of a workload with all_or_nothing, which get
// their places in one step or not at all. Pure. A mirror may see replicas that were made together one after
// another; `there` and `wanted` say whether more are to come.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/model.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::scheduler {

/// A gang that is not complete and has not grown for so long (ms) is placed as it is: a paused rollout adds
/// nothing.
inline constexpr Millis kGangPatience = 5000;

struct Gang {
  std::vector<ReplicaSlot> members;  ///< pending, by ordinal; at most kMaxGang
  /// Places that are filled: pending ones of this version, those on a node that are not leaving, and those of
  /// this version that ended by themselves.
  std::uint32_t there = 0;
  std::uint32_t wanted = 0;
  bool is_complete() const { return there >= wanted; }
};

/// Its workload is to be placed all or nothing. The replica is known to the model.
bool is_in_gang(const Model& model, const ReplicaSlot& slot);
/// That of this pending replica; none of it is assumed anywhere.
Gang gang_of(const Model& model, const ReplicaSlot& slot);

}  // namespace cloudless::scheduler
