// Who starts and stops in turns without end. As long as nothing changes that a workload depends on, nothing
// that was started for it meanwhile is stopped, and no more is started than it could ever need. Pure; fed
// with every commit at the moment it becomes durable.
#pragma once

#include <cstdint>
#include <map>

#include "chaos/simulator/breach.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

class Turnover {
 public:
  Breaches check(const Snapshot& before, const Commit& commit, const Snapshot& after);

 private:
  /// What happened to a workload since it last got a reason to start or stop anything.
  struct Calm {
    Revision since = 0;
    std::uint32_t births = 0;
    std::uint32_t ends = 0;  ///< of replicas that nobody told to stop: each may be replaced
  };

  void see_causes(const Snapshot& before, const Commit& commit);
  void see_birth(const Replica& now, const Workload& workload, Breaches& breaches);
  void see_leaving(const Replica& now, const Workload& workload, Breaches& breaches) const;
  bool is_for_newcomer(const Replica& preempted) const;
  Revision calm_since(const WorkloadUid& workload) const;

  Revision now_ = 0;
  Revision nodes_changed_ = 0;
  std::map<WorkloadUid, Calm> calm_;
  std::map<ReplicaId, Revision> born_;
  std::map<WorkloadUid, Revision> last_end_;  ///< any replica of it became terminal
};

}  // namespace cloudless::sim
