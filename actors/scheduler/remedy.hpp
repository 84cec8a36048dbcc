// The smallest change of a workload, or of a node, that would give a replica a place: worked out from what
// keeps it away from the nearest nodes, and tried. Pure; part of explain.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/scheduler/filter.hpp"

namespace cloudless::scheduler {

/// Everything that keeps a replica away from a node, and how far off that is.
struct Obstacles {
  const NodeView* view = nullptr;
  std::vector<Filter> filters;  ///< in their order
  std::int64_t distance = 0;    ///< a request that has to shrink by a thousandth counts 1, a rule 250
  /// Fewer filters, then less distance, then the lower ordinal.
  bool nearer_than(const Obstacles& other) const;
};
Obstacles obstacles_of(const Demand& demand, const NodeView& view);

/// In words that follow "it would fit with"; empty if nothing that was tried helps. `nearest`: in the order
/// to try.
std::string remedy(const Demand& demand, const std::vector<Obstacles>& nearest);

}  // namespace cloudless::scheduler
