// A workload's replicas sorted by what they mean for it: wanted, surplus, outdated, lost, history. Pure;
// reconcile() decides on it. Every replica is in exactly one list.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "messages/domain/snapshot.hpp"

namespace cloudless::rollout {

using ReplicaPtr = std::shared_ptr<const Replica>;

struct Census {
  std::vector<ReplicaPtr> current;   ///< of the current version, alive, not told to stop
  std::vector<ReplicaPtr> outdated;  ///< of another version, alive, not told to stop
  std::vector<ReplicaPtr> lost;  ///< alive for all we know, not told to stop, but the node is OFFLINE or gone
  std::vector<ReplicaPtr> stopping;  ///< told to stop, not ended yet
  std::vector<ReplicaPtr>
      finished;  ///< of the current version, ended by themselves (SUCCEEDED, FAILED): they count as wanted
  std::vector<ReplicaPtr> history;  ///< ended otherwise
};

/// Each list is in the order of ordinals.
Census take_census(const Snapshot& view, const Workload& workload);

/// The node cannot run it any more: OFFLINE or gone. False for a replica without a node.
bool on_lost_node(const Snapshot& view, const Replica& replica);
/// Serves now: RUNNING, ready, serving, not told to stop, on a READY node.
bool is_available(const Snapshot& view, const Replica& replica);
/// Its node is SUSPECT: it may serve, but nobody knows.
bool is_in_doubt(const Snapshot& view, const Replica& replica);

}  // namespace cloudless::rollout
