// Which nodes may take a class at all, as far as single nodes go: attributes, and groups on the node itself.
// Once for all nodes as words of bits, and once for one node; both say the same.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "actors/scheduler/engine/cluster.hpp"
#include "actors/scheduler/engine/node_skew.hpp"

namespace cloudless::scheduler::engine {

bool has_node_skew(const ClassSpec& spec);
/// True if placements change who is eligible.
bool has_node_groups(const ClassSpec& spec);

/// Open nodes that pass ClassSpec::fixed.
void fixed_words(const ClassSpec& spec, const Cluster& cluster, std::span<std::uint64_t> words);
bool fixed_allows(const ClassSpec& spec, const Cluster& cluster, Slot slot);

/// Narrows the words of fixed_words to those that pass everything else about the node but its room. `scratch`
/// is as long as words.
void narrow_words(const ClassSpec& spec, const Cluster& cluster, const NodeSkew& skew,
                  std::span<std::uint64_t> words, std::span<std::uint64_t> scratch);
bool node_allows(const ClassSpec& spec, const Cluster& cluster, const NodeSkew& skew, Slot slot);

/// The lanes of a word that a hard spread over nodes forbids.
std::uint64_t skewed_lanes(const ClassSpec& spec, const Cluster& cluster, const NodeSkew& skew,
                           std::uint32_t block, std::uint64_t lanes);

}  // namespace cloudless::scheduler::engine
