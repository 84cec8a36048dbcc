// The availability budget: the law on stopping what serves (ARCHITECTURE.md, rule 2). workload_state asks it
// about every stop and every switch, and nobody's grant is ever remembered.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::workload_state {

/// RUNNING, ready, serving, not on its way out, and on a node that is READY: whatever its workload says.
/// `node` is the replica's, nullptr if it is gone.
bool counts_as_available(const Replica& replica, const Node* node);
/// The same, of a version that serves, and ready for min_ready at this store time: what the floor counts.
bool is_available(const Workload& workload, const Replica& replica, const Node* node, Millis moment);

/// The replicas of one workload that are available, by node.
struct Availability {
  std::uint32_t counting = 0;
  std::map<NodeId, std::uint32_t> on_node;
};
Availability availability_of(const Snapshot& snapshot, const Workload& workload, Millis moment);

/// How many may be left when the stop is carried out: 0 for a deleted workload and for RECREATE of an
/// outdated replica.
std::uint32_t floor_for(const Workload& workload, const Replica& replica, StopCause cause);

/// Judges the items of one batch, each after the ones before it, at one moment of store time.
class Budget {
 public:
  explicit Budget(Millis moment) : moment_(moment) {}

  /// Accepted: the nodes that the stop relies on, which must not change before it is committed.
  /// FAILED_PRECONDITION: too few replicas would be left. `now` must hold every earlier stop of the batch, or
  /// at least none that is not accepted.
  Result<std::vector<Precondition>> permit(const Snapshot& now, const Workload& workload,
                                           const Replica& replica, StopCause cause);

  /// The same for serving with the replicas of this version alone (0: of every version).
  Result<std::vector<Precondition>> permit_switch(const Snapshot& now, const Workload& workload,
                                                  std::uint64_t version);

  /// What is known of the workload holds no more: something else than a stop has changed it.
  void forget(const WorkloadUid& uid) { known_.erase(uid); }

 private:
  Millis moment_;
  std::map<WorkloadUid, Availability> known_;
};

}  // namespace cloudless::workload_state
