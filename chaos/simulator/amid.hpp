// The steps of what takes several commits: a rollout, a drain, a preemption, a rebalance, a gang. For faults
// that strike right behind one of them.
#pragma once

#include <array>

#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

inline constexpr std::array<const char*, 8> kSteps{"rollout", "recreate",  "switch",     "drain",
                                                   "taint",   "rebalance", "preemption", "gang"};

/// Whether this commit takes such a step, one of kSteps.
bool takes_step(const char* step, const Snapshot& before, const Commit& commit);

}  // namespace cloudless::sim
