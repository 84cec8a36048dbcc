#include "messages/domain/status.hpp"

namespace cloudless {

const char* to_string(WorkloadPhase phase) {
  switch (phase) {
    case WorkloadPhase::pending:
      return "PENDING";
    case WorkloadPhase::starting:
      return "STARTING";
    case WorkloadPhase::running:
      return "RUNNING";
    case WorkloadPhase::updating:
      return "UPDATING";
    case WorkloadPhase::degraded:
      return "DEGRADED";
    case WorkloadPhase::succeeded:
      return "SUCCEEDED";
    case WorkloadPhase::failed:
      return "FAILED";
    case WorkloadPhase::deleting:
      return "DELETING";
  }
  return "UNKNOWN";
}

}  // namespace cloudless
