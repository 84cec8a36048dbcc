// Replicas that no longer serve and are stopped as soon as everybody who sends requests to them knows it: the
// second half of ARCHITECTURE.md, rule 9. Level-triggered: made anew from any published state. Pure;
// workload_state_actor feeds it and commits what it plans.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "actors/owner/plan.hpp"
#include "actors/workload_state/followers.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::workload_state {

class Withdrawals {
 public:
  /// The time that followers have at most: the termination grace of the replica, but not more than this.
  static constexpr Millis kMostPatience = 30'000;

  /// Starts anew: at which revision they were withdrawn is not known, but it is not above this state's.
  void load(const Snapshot& published);
  /// The commits in order.
  void apply(const std::vector<Commit>& commits);

  bool empty() const { return withdrawn_.empty(); }

  /// Plans the stops of all whose followers know, or had their time. `moment`: store time.
  void stop_due(owner::Plan& plan, const Followers& followers, Millis steady, Millis moment) const;

  /// In how many milliseconds stop_due() should be asked again although nothing happens; absent: no need.
  std::optional<Millis> next_look(const Snapshot& now, const Followers& followers, Millis steady,
                                  Millis moment) const;

 private:
  void see(const Replica& replica, Revision revision);

  std::map<ReplicaId, Revision> withdrawn_;
};

}  // namespace cloudless::workload_state
