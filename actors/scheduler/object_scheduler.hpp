// The plain scheduler: a loop over all nodes, filters, score, of equal scores the lowest ordinal. Pure. Says
// what the fast one must say, too.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "actors/scheduler/score.hpp"

namespace cloudless::scheduler {

struct Choice {
  NodeId node;
  ScoreTerms terms;
  std::vector<std::uint8_t> gpus;  ///< indices that the replica gets; empty: it asks for none
  bool operator==(const Choice&) const = default;
};

/// The best node and, if two fit, the one after it.
struct Choices {
  std::optional<Choice> best, second;
};
Choices choose(const Demand& demand);

/// `a` stands before `b` where both are worth as much.
bool comes_first(const Node& a, const Node& b);
/// On a node where they fit.
std::vector<std::uint8_t> gpus_for(const Demand& demand, const NodeView& view);

}  // namespace cloudless::scheduler
