// How many images an agent pulls at once, and how many may lie about (agent.yaml: images).
#pragma once

#include <cstddef>
#include <cstdint>

#include "messages/domain/time.hpp"

namespace cloudless::runtime {

struct ImageLimits {
  std::size_t max_pulls = 3;
  /// Unused images are removed, oldest use first, from the first mark on and until the second: per cent of
  /// the file system that is in use. 0: never.
  std::uint64_t high_percent = 85;
  std::uint64_t low_percent = 75;
  Millis min_age = 120000;  ///< what was used since then stays
};

}  // namespace cloudless::runtime
