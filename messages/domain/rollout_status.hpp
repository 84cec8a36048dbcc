// Where a rollout is, and how far a node's drain is, as people and scripts read it: derived from a snapshot
// by actors/workload_state/{rollout_status,drain_status}, never stored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless {

/// Meanings as in proto/cloudless/api/rollout.proto, with the same numbers.
enum class RolloutPhase : std::uint8_t {
  starting = 1,
  in_progress = 2,
  paused = 3,
  completed = 4,
  failed = 5,
  rolling_back = 6,
  superseded = 7,
};
/// Upper-case name as in the API, e.g. "IN_PROGRESS".
const char* to_string(RolloutPhase phase);

/// The counts are of the present, and 0 for a rollout that is not its workload's newest.
struct RolloutStatus {
  RolloutPhase phase = RolloutPhase::starting;
  std::uint32_t wanted = 0;
  std::uint32_t updated = 0;  ///< of to_version, ready or not, not leaving
  std::uint32_t ready = 0;    ///< of any version, not leaving
  std::uint32_t available = 0;
  std::uint32_t unavailable = 0;
  std::uint32_t min_available = 0;
  std::string waiting_for;  ///< in words; empty when it is over
  std::vector<std::string> notes;
  /// How long from now until it fails, if nothing gets ready before; 0: it is overdue; absent: nothing is
  /// waited for that has a deadline.
  std::optional<Millis> deadline_in;
  bool awaits_promotion = false;
};

/// A replica that is still on a node that is drained.
struct DrainLeft {
  ReplicaId replica;
  std::string ns;
  std::string workload;
  std::string waiting_for;  ///< in words
};

struct DrainStatus {
  std::uint32_t replicas_left = 0;
  std::vector<DrainLeft> left;  ///< by workload and ordinal; the first so many
};

}  // namespace cloudless
