// What matters of each workload's replicas, kept up to date by commits: a step of a workload of 10,000
// replicas must not read 10,000 records. Used by the decider; says at any time what replicas_of() would say.
#pragma once

#include <map>

#include "actors/rollout/workload_view.hpp"

namespace cloudless::rollout {

class ReplicaBook {
 public:
  void clear() { known_.clear(); }
  void forget(const WorkloadUid& workload) { known_.erase(workload); }
  /// This replica, or its node, has changed; `after` has seen it. Must be told of every change before of().
  void refresh(const Snapshot& after, const ReplicaSlot& slot);
  /// Read from the snapshot when they are asked for the first time. Valid until anything else is called.
  ReplicaFacts& of(const Snapshot& snapshot, const WorkloadUid& workload);

 private:
  struct Page {
    ReplicaFacts replicas;  // without a record: it is gone
    std::size_t gone = 0;
  };
  static void tidy(Page& page);

  std::map<WorkloadUid, Page> known_;
};

}  // namespace cloudless::rollout
