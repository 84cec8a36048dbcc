// One seeded run of the whole control plane with its machines: faults and commands for so many steps, then
// peace, and everything has to settle. The same options give the same run, bit by bit.
#pragma once

#include <cstdint>
#include <optional>

#include "chaos/simulator/breach.hpp"
#include "chaos/simulator/coverage.hpp"
#include "chaos/simulator/scenario.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  std::uint64_t steps = 4000;  ///< with faults; settling comes on top
  bool print_trace = false;
  Scenario scenario = Scenario::mixed;
};

struct RunResult {
  std::uint64_t hash = 0;   ///< stands for everything that happened
  std::uint64_t steps = 0;  ///< all of them
  std::uint64_t faults = 0;
  Millis virtual_time = 0;
  Coverage coverage;
  std::optional<Breach> breach;
};

RunResult run(const RunOptions& options);

}  // namespace cloudless::sim
