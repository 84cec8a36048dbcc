// Why no node takes a replica, or why it is where it is: how many nodes each filter rejected, which nodes are
// nearest, the smallest change that would make it fit, and score terms. As values and in words. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/scheduler/filter.hpp"
#include "actors/scheduler/object_scheduler.hpp"

namespace cloudless::scheduler {

struct Rejection {
  Filter filter = Filter::state;
  std::uint32_t nodes = 0;  ///< that this one is the first to reject
  bool operator==(const Rejection&) const = default;
};

/// A node and everything that keeps the replica away from it.
struct Miss {
  NodeId node;
  std::vector<Filter> filters;
  std::vector<std::string> lacks;  ///< one for each: "lacks 120 millicores"
  bool operator==(const Miss&) const = default;
};

struct Explanation {
  std::uint32_t nodes = 0;            ///< that exist
  std::uint32_t fitting = 0;          ///< 0 for a replica that waits because no node fits
  std::vector<Rejection> rejections;  ///< in the filters' order, none with 0 nodes
  std::vector<Miss> nearest;          ///< at most 3, each for reasons of its own, the nearest first
  /// The smallest change that would make it fit, tried: "requests.cpu of 380 millicores"; empty: none known.
  std::string remedy;
};
Explanation explain_unplaced(const Demand& demand);
/// "no node fits: 3 of 4 nodes lack cpu, 1 of 4 nodes is tainted; node-2 lacks 250 millicores; it would fit
/// with ..."; at most 1024 bytes.
std::string in_words(const Explanation& explanation);
/// As long as a reason may be, 1024 bytes, without half of a character at its end.
std::string bounded_reason(std::string text);

/// Of a replica on a node: its place and the best other one, as if it were placed now.
struct PlaceExplanation {
  NodeId node;
  ScoreTerms terms;
  std::vector<std::string> lacks;   ///< rules that its node meets no longer, in words
  std::optional<Choice> runner_up;  ///< the best other node; absent: no other fits
};
/// Absent if the replica has no node that exists, or has ended. Leaves the model as it was.
std::optional<PlaceExplanation> explain_placed(Model& model, const ReplicaSlot& slot, Millis now);

}  // namespace cloudless::scheduler
