#include "messages/domain/rollout.hpp"

namespace cloudless {

const char* to_string(RolloutCause cause) {
  switch (cause) {
    case RolloutCause::created:
      return "created";
    case RolloutCause::updated:
      return "updated";
    case RolloutCause::restarted:
      return "restarted";
    case RolloutCause::undone:
      return "undone";
    case RolloutCause::aborted:
      return "aborted";
    case RolloutCause::failed:
      return "failed";
  }
  return "unknown";
}

const char* to_string(RolloutState state) {
  switch (state) {
    case RolloutState::active:
      return "ACTIVE";
    case RolloutState::completed:
      return "COMPLETED";
    case RolloutState::failed:
      return "FAILED";
    case RolloutState::superseded:
      return "SUPERSEDED";
  }
  return "UNKNOWN";
}

}  // namespace cloudless
