// What is known of a replica's probes: reported by agents, stored with the replica, shown to people.
#pragma once

#include <cstdint>
#include <string>

#include "messages/domain/time.hpp"

namespace cloudless {

/// The values are stored and sent: never renumber.
enum class ProbeKind : std::uint8_t { startup = 1, liveness = 2, readiness = 3 };
/// "startup", "liveness", "readiness".
const char* to_string(ProbeKind kind);

/// The values are stored and sent: never renumber.
enum class ProbeStanding : std::uint8_t {
  waiting = 1,  ///< no verdict yet
  passing = 2,
  failing = 3,
};

struct ProbeStatus {
  ProbeKind kind = ProbeKind::readiness;
  ProbeStanding standing = ProbeStanding::waiting;
  std::string failure;   ///< the last failure that mattered, in words; empty: none yet
  WallMillis since = 0;  ///< when it came to stand so; while waiting, its first failure; 0: not yet
  bool operator==(const ProbeStatus&) const = default;
};

}  // namespace cloudless
