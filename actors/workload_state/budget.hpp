// The availability budget: the law on stopping what serves (ARCHITECTURE.md, rule 2). workload_state asks it
// about every stop, and nobody's grant is ever remembered.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::workload_state {

/// RUNNING, ready, serving, not told to stop, and on a node that is READY. `node` is the replica's, nullptr
/// if it is gone.
bool counts_as_available(const Replica& replica, const Node* node);
bool counts_as_available(const Replica& replica, const Snapshot& snapshot);

/// The replicas of one workload that count, by node.
struct Availability {
  std::uint32_t counting = 0;
  std::map<NodeId, std::uint32_t> on_node;
};
Availability availability_of(const Snapshot& snapshot, const WorkloadUid& uid);

/// How many may be left when the stop is carried out: 0 for a deleted workload and for RECREATE of an
/// outdated replica.
std::uint32_t floor_for(const Workload& workload, const Replica& replica, StopCause cause);

/// Judges the stops of one batch, each after the ones before it.
class Budget {
 public:
  /// Accepted: the nodes that the stop relies on, which must not change before it is committed.
  /// FAILED_PRECONDITION: too few replicas would be left. `now` must hold every earlier stop of the batch, or
  /// at least none that is not accepted.
  Result<std::vector<Precondition>> permit(const Snapshot& now, const Workload& workload,
                                           const Replica& replica, StopCause cause);

 private:
  std::map<WorkloadUid, Availability> known_;
};

}  // namespace cloudless::workload_state
