// Drives the engine (with and without vectors) and the oracle by the same bytes and compares every answer.
// Bytes from a seeded generator make it a property test; bytes from a fuzzer make it a fuzz target.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace cloudless::scheduler::engine {

struct DriveResult {
  std::uint64_t decisions = 0;  ///< compared with the oracle
  std::uint64_t placed = 0;     ///< of those, how many found a node
  std::uint64_t histograms = 0;
  std::string difference;  ///< empty: none
};

/// `most_nodes`: 1-2000.
DriveResult drive(std::span<const std::uint8_t> bytes, std::uint32_t most_nodes);

/// The same with bytes that follow from a seed.
DriveResult drive_seed(std::uint64_t seed, std::uint32_t most_nodes, std::size_t bytes);

}  // namespace cloudless::scheduler::engine
