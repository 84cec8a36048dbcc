// What the customers of a run do most.
#pragma once

#include <cstdint>

namespace cloudless::sim {

enum class Scenario : std::uint8_t {
  mixed,    ///< a bit of everything
  rollout,  ///< updates, and all that can be done with a rollout; short deadlines, drains
};

}  // namespace cloudless::sim
