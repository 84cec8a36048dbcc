// How many sessions of a kind may be open at a time on one agent. An agent is told (sessions.* of its
// settings); its session desk refuses what is beyond.
#pragma once

#include <cstddef>

namespace cloudless::runtime {

struct SessionLimits {
  std::size_t execs = 10;      ///< interactive commands
  std::size_t commands = 64;   ///< commands that are waited for
  std::size_t forwards = 128;  ///< connections
  std::size_t copies = 4;
};

}  // namespace cloudless::runtime
