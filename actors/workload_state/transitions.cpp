#include "actors/workload_state/transitions.hpp"

namespace cloudless::workload_state {

bool is_legal(Moment from, Moment to) {
  if (is_terminal(from.phase)) return false;
  if (is_terminal(to.phase)) return true;
  if (to.attempt != from.attempt) return to.attempt > from.attempt && to.phase >= Phase::preparing;
  return to.phase >= from.phase;
}

bool may_be_reported(Phase phase) {
  return phase != Phase::pending && phase != Phase::lost;
}

}  // namespace cloudless::workload_state
