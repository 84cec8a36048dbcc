#include "actors/workload_state/stop.hpp"

namespace cloudless::workload_state {

Replica stopped(const Replica& replica, StopCause cause, const Node* node) {
  Replica out = replica;
  if (!out.stop_requested()) out.stop = cause;
  out.ready = false;
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

}  // namespace cloudless::workload_state
