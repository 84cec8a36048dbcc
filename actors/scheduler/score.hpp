// How good a place is, term by term. Integers only; every term 0-1000, weights in thousandths. Pure. Formulas
// and what stands in for missing data: docs/SCHEDULING.md.
#pragma once

#include <compare>
#include <cstdint>

#include "actors/scheduler/demand.hpp"

namespace cloudless::scheduler {

struct Term {
  std::int32_t value = 0;   ///< 0-1000
  std::int32_t weight = 0;  ///< 0-1000
  std::int32_t points() const { return value * weight; }
  bool operator==(const Term&) const = default;
};

/// Of one replica on one node.
struct ScoreTerms {
  Term locality, reliability, cost, utilization, network;
  std::int32_t wishes = 0;  ///< already multiplied; negative: it would rather not be there
  /// S; |S| < 2^25.
  std::int32_t total() const {
    return locality.points() + reliability.points() + cost.points() + utilization.points() -
           network.points() + wishes;
  }
  bool operator==(const ScoreTerms&) const = default;
};

/// The node fits the demand; view.node is not null.
ScoreTerms score(const Demand& demand, const NodeView& view);

}  // namespace cloudless::scheduler
