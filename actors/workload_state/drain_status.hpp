// How far a node's drain is, and what holds up each replica that is still there: derived, for gateways. Pure.
#pragma once

#include <cstddef>

#include "actors/workload_state/rollout_status.hpp"

namespace cloudless::workload_state {

inline constexpr std::size_t kMostDrainLeft = 1000;

/// Of a node that is draining.
DrainStatus derive_drain(const Snapshot& snapshot, const Node& node, const StatusTime& now);

}  // namespace cloudless::workload_state
