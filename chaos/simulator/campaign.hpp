// Many seeds on all cores: worker processes run them in small portions and report over a pipe, so that a seed
// which ends its process is a failed seed and nothing worse.
#pragma once

#include <cstdint>
#include <string>

#include "chaos/simulator/coverage.hpp"
#include "chaos/simulator/run.hpp"

namespace cloudless::sim {

struct CampaignOptions {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t steps = 4000;
  unsigned workers = 0;        ///< 0: one per core
  bool stop_at_first = false;  ///< one failed seed is enough
  Scenario scenario = Scenario::mixed;
  std::string program;  ///< for the command that replays a seed
  /// What plays a seed.
  RunResult (*play)(const RunOptions&) = run;
};

struct CampaignResult {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::uint64_t steps = 0;
  std::uint64_t faults = 0;
  Coverage coverage;
};

/// Prints every failed seed with the broken invariant and the command that replays it.
CampaignResult run_campaign(const CampaignOptions& options);

}  // namespace cloudless::sim
