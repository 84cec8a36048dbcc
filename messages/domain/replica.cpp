#include "messages/domain/replica.hpp"

namespace cloudless {

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::pending:
      return "PENDING";
    case Phase::assigned:
      return "ASSIGNED";
    case Phase::preparing:
      return "PREPARING";
    case Phase::starting:
      return "STARTING";
    case Phase::running:
      return "RUNNING";
    case Phase::stopping:
      return "STOPPING";
    case Phase::backoff:
      return "BACKOFF";
    case Phase::succeeded:
      return "SUCCEEDED";
    case Phase::failed:
      return "FAILED";
    case Phase::stopped:
      return "STOPPED";
    case Phase::lost:
      return "LOST";
  }
  return "UNKNOWN";
}

const char* to_string(StopCause cause) {
  switch (cause) {
    case StopCause::none:
      return "none";
    case StopCause::rollout:
      return "rollout";
    case StopCause::scale:
      return "scale";
    case StopCause::deleted:
      return "deleted";
    case StopCause::node_lost:
      return "node lost";
    case StopCause::recreate:
      return "recreate";
    case StopCause::preempted:
      return "preempted";
    case StopCause::taint:
      return "taint";
    case StopCause::rebalance:
      return "rebalance";
    case StopCause::drain:
      return "drain";
  }
  return "unknown";
}

}  // namespace cloudless
