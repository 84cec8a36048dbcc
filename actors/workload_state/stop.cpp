#include "actors/workload_state/stop.hpp"

namespace cloudless::workload_state {

Replica stopped(const Replica& replica, StopCause cause, const Node* node) {
  Replica out = replica;
  if (!out.stop_requested()) out.stop = cause;
  out.ready = false;
  out.ready_at = 0;
  out.serving = false;
  if (out.phase == Phase::pending) {
    out.phase = Phase::stopped;
    out.reason = std::string("stopped before it had a node (") + to_string(cause) + ")";
  } else if (node == nullptr || cause == StopCause::node_lost) {
    out.phase = Phase::lost;
    out.reason = "node " + out.node.value + (node == nullptr ? " is gone" : " is OFFLINE");
  }
  return out;
}

Replica told_to_stop(const Replica& replica, StopCause cause, const Node* node, bool followed,
                     Millis moment) {
  const bool may_be_asked =
      replica.phase == Phase::running && replica.serving && (replica.ready || replica.first_ready_at != 0);
  const bool has_to_wait = followed && may_be_asked && node != nullptr && cause != StopCause::node_lost;
  Replica out = has_to_wait ? replica : stopped(replica, cause, node);
  if (has_to_wait) {
    out.serving = false;
    out.withdrawn = cause;
  }
  if (out.withdrawn_at == 0) out.withdrawn_at = moment;
  if (is_terminal(out.phase) && out.ended_at == 0) out.ended_at = moment;
  return out;
}

}  // namespace cloudless::workload_state
