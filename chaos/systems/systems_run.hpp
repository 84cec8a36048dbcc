// One seeded run over several actor systems: a coordinator's two and one per agent, on CAF's test
// multiplexer, with the real bridge and real bytes between them. Crashes, restarts, cut and silent
// connections for so many steps, then peace, and everything has to settle.
#pragma once

#include "chaos/simulator/run.hpp"

namespace cloudless::sim {

/// Every step takes one message, moves some bytes or lets time pass, so a run needs more of them: some 30 s
/// of virtual time.
inline constexpr std::uint64_t kSystemsSteps = 20'000;

/// The same options give the same run, bit by bit.
RunResult run_systems(const RunOptions& options);

}  // namespace cloudless::sim
