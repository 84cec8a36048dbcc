// Where the people want their replicas: a seeded stream of placement rules, most of which some node can meet.
#pragma once

#include <string>

#include "chaos/simulator/dice.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::sim {

/// Taints that operators set.
inline constexpr const char* kBusy = "busy";      ///< NO_SCHEDULE
inline constexpr const char* kBroken = "broken";  ///< NO_EXECUTE

/// What nodes must be like, whom to be with, what to have of a node.
void add_rules(Dice& dice, Template& pod);
/// Who it is to others, how much it matters, whether all of it or nothing.
void add_standing(Dice& dice, WorkloadSpec& spec);

}  // namespace cloudless::sim
