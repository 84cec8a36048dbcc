// What must hold at every commit, whoever made it (docs/ARCHITECTURE.md, "Invariants"). It shares no code
// with the control plane: it says again, in its own words, what the law is. Pure; fed by Truth with every
// commit at the moment it becomes durable.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <set>

#include "chaos/simulator/breach.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

/// How many replicas of the workload serve, and have for min_ready, at this store time; without one: for how
/// long does not matter.
std::uint32_t available(const Snapshot& view, const WorkloadUid& workload,
                        Millis moment = std::numeric_limits<Millis>::max());
/// The floor under voluntary actions.
std::uint32_t floor_of(const WorkloadSpec& spec);

class CommitChecker {
 public:
  Breaches check(const Snapshot& before, const Commit& commit, const Snapshot& after);

 private:
  void check_workload(const Snapshot& before, const Change& change, const Snapshot& after);
  void check_replica(const Snapshot& before, const Change& change, const Snapshot& after);
  void check_birth(const Replica& now);
  void check_step(const Snapshot& before, const Replica& old, const Replica& now);
  void check_stop(const Snapshot& before, const Replica& old, const Replica& now, const Snapshot& after);
  void check_place(const Snapshot& before, const Replica& now, const Snapshot& after);
  void check_gang(const Replica& now, const Snapshot& after);
  void check_cause(const Snapshot& before, const Replica& old, const Replica& now, const Workload& workload);
  /// Notes what decisions that are under way cannot know yet.
  void note_news(const Snapshot& before, const Commit& commit);
  void check_node(const Snapshot& before, const Change& change);
  void check_version(const Snapshot& before, const Change& change, const Snapshot& after);
  void check_turn(const Workload& old, const Workload& now, const Snapshot& before, const Snapshot& after);
  void check_rollout(const Snapshot& before, const Change& change, const Snapshot& after);
  void check_switch(const Workload& old, const Workload& now, const Snapshot& before, const Snapshot& after);
  void check_floors(const Snapshot& before, const Snapshot& after);
  void broken(std::string invariant, std::string what) {
    breaches_.push_back({std::move(invariant), std::move(what)});
  }

  Breaches breaches_;
  /// In the commit being checked: workloads that lost one that served on purpose, and the store time of it.
  std::map<WorkloadUid, Millis> voluntarily_stopped_;
  std::map<WorkloadUid, std::uint64_t> next_ordinal_;
  std::set<WorkloadUid> seen_workloads_;
  // Revisions at which this was last so.
  Revision now_ = 0;
  Revision node_changed_ = 0;   // what is schedulable, of any
  Revision somebody_left_ = 0;  // a replica that was live is so no longer
  Revision restated_ = 0;       // labels or all_or_nothing of a workload
  std::map<ReplicaId, Revision> born_;
};

}  // namespace cloudless::sim
