#include "messages/domain/rollout_status.hpp"

namespace cloudless {

const char* to_string(RolloutPhase phase) {
  switch (phase) {
    case RolloutPhase::starting:
      return "STARTING";
    case RolloutPhase::in_progress:
      return "IN_PROGRESS";
    case RolloutPhase::paused:
      return "PAUSED";
    case RolloutPhase::completed:
      return "COMPLETED";
    case RolloutPhase::failed:
      return "FAILED";
    case RolloutPhase::rolling_back:
      return "ROLLING_BACK";
    case RolloutPhase::superseded:
      return "SUPERSEDED";
  }
  return "UNKNOWN";
}

}  // namespace cloudless
