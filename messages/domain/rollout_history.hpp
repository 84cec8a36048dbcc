// What a workload's finished rollouts say about its versions. Owner and decider must choose the same way
// back.
#pragma once

#include <cstdint>

#include "messages/domain/snapshot.hpp"

namespace cloudless {

/// The version to go back to from the current one: the other one that was fully ready last, as the rollouts
/// that are still kept tell; where they tell none, the newest other one that was ever fully ready. 0: none.
std::uint64_t last_good_version(const Snapshot& view, const Workload& workload);

}  // namespace cloudless
