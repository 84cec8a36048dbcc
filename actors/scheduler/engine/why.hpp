// Why a class fits or not, as figures: every node that is there is counted under the first filter that
// rejects it, or as one that fits.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/engine/cluster.hpp"
#include "actors/scheduler/engine/domain_terms.hpp"
#include "actors/scheduler/engine/kernel.hpp"
#include "actors/scheduler/engine/node_skew.hpp"

namespace cloudless::scheduler::engine {

struct Why {
  std::uint32_t nodes = 0;           ///< all; the sum of what follows
  std::uint32_t state = 0;           ///< not open
  std::vector<std::uint32_t> fixed;  ///< one for each of ClassSpec::fixed
  std::uint32_t host_port = 0;
  std::uint32_t cpu = 0, memory = 0, storage = 0, bandwidth = 0, gpu = 0;
  std::uint32_t affinity = 0, anti_affinity = 0, spread = 0;
  std::uint32_t failed = 0;
  std::uint32_t fits = 0;
  bool operator==(const Why&) const = default;
};

/// Census and skew as the class's index has them (up to date).
Why why_of(const ClassSpec& spec, const Cluster& cluster, const DomainCensus& census, const NodeSkew& skew,
           const Kernel& kernel);

}  // namespace cloudless::scheduler::engine
