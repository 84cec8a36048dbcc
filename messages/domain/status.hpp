// What a workload is, as people and scripts read it: derived from a snapshot by actors/workload_state/status,
// never stored, never written by users.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "messages/domain/replica.hpp"

namespace cloudless {

/// The workload as a whole; meanings as in proto/cloudless/api/workload.proto.
enum class WorkloadPhase : std::uint8_t {
  pending = 1,    ///< a wanted replica has no place
  starting = 2,   ///< every wanted replica has a place, not all are ready
  running = 3,    ///< every wanted replica of the current version is ready
  updating = 4,   ///< replicas of an older version are being replaced
  degraded = 5,   ///< a replica that had run is not ready any more, and fewer are ready than wanted
  succeeded = 6,  ///< every replica ended with 0 and none is started again
  failed = 7,     ///< a replica failed for good
  deleting = 8,   ///< deleted, containers still stopping
};
/// Upper-case name as in the API, e.g. "RUNNING".
const char* to_string(WorkloadPhase phase);

struct WorkloadStatus {
  WorkloadPhase phase = WorkloadPhase::pending;
  std::uint32_t replicas_wanted = 0;
  std::uint32_t ready_replicas = 0;    ///< of any version
  std::uint32_t updated_replicas = 0;  ///< ready ones of the current version
  std::uint64_t version = 1;
  std::string reason;  ///< why it is not RUNNING, in words; empty when it is
  /// By ordinal: the live ones and those that ended and are still kept. Never null.
  std::vector<std::shared_ptr<const Replica>> replicas;
};

}  // namespace cloudless
