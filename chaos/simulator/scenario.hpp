// What the customers of a run do most, and what goes wrong most.
#pragma once

#include <cstdint>

namespace cloudless::sim {

enum class Scenario : std::uint8_t {
  mixed,    ///< a bit of everything
  rollout,  ///< updates, and all that can be done with a rollout; short deadlines, drains
  loss,     ///< rollouts too, while nodes are lost and come back all the time, on a slow disk
};

}  // namespace cloudless::sim
