#include "actors/scheduler/engine/engine.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "actors/scheduler/engine/engine_drive.test.hpp"

using namespace cloudless::scheduler::engine;

namespace {

/// CLOUDLESS_ENGINE_TEST_SCALE multiplies how much is compared.
std::uint64_t scale_of_engine_test() {
  const char* scale = std::getenv("CLOUDLESS_ENGINE_TEST_SCALE");
  return scale == nullptr ? 1 : std::strtoull(scale, nullptr, 10);
}

void compare_seeds(std::uint64_t first, std::uint64_t seeds, std::uint32_t most_nodes, std::size_t bytes,
                   std::uint64_t least_decisions) {
  std::uint64_t decisions = 0, placed = 0, histograms = 0;
  for (std::uint64_t seed = first; seed < first + seeds * scale_of_engine_test(); ++seed) {
    const DriveResult result = drive_seed(seed, most_nodes, bytes);
    INFO("seed ", seed, ", at most ", most_nodes, " nodes, ", bytes, " bytes");
    REQUIRE(result.difference == "");
    decisions += result.decisions;
    placed += result.placed;
    histograms += result.histograms;
  }
  MESSAGE(decisions, " decisions compared, ", placed, " of them placements, and ", histograms, " histograms");
  CHECK(decisions >= least_decisions);
  CHECK(placed * 4 >= decisions);  // else mostly full clusters were compared
  CHECK(placed < decisions);
}

}  // namespace

TEST_CASE(
    "the engine decides as a loop over all nodes does, in a million random decisions on small clusters") {
  compare_seeds(1, 3500, 100, 1000, 1'000'000);
}

TEST_CASE("the engine decides as a loop over all nodes does on larger clusters") {
  compare_seeds(1'000'000, 120, 2000, 1000, 20'000);
}
