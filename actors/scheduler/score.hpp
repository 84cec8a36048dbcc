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

/// Of a node alone, 0-1000.
std::int32_t reliability_of(const Node& node);
std::int32_t cost_of(const Node& node);
std::int32_t latency_of(const Node& node);
/// Of a node's zone: where the placement would rather be; 500 without a say.
std::int32_t asked_for(const Placement& placement, const std::string& region, const std::string& zone);
/// The node has a PREFER_NO_SCHEDULE taint that is not tolerated.
bool would_rather_not(const Placement& placement, const Node& node);
/// Bounded, with the usual weights where the scoring says nothing.
engine::Weights weights_of(const Scoring& scoring);

inline constexpr std::int32_t kPointsPerWeight = 1000;
inline constexpr std::int32_t kPointsPerReplica = 100'000;  ///< of spreading, and of a taint that only asks

}  // namespace cloudless::scheduler
