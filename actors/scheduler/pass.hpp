// One look of the scheduler at everything that waits, in the order of work. What it places is assumed in the
// model until the pass is destroyed, so that it counts for all that comes later. Pure; used by Scheduler
// alone. Always: what something earlier in the order gets, or waits for on a node, nothing later gets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/scheduler/compile.hpp"
#include "actors/scheduler/demand.hpp"
#include "actors/scheduler/gang.hpp"
#include "actors/scheduler/model.hpp"
#include "actors/scheduler/preempt.hpp"
#include "actors/scheduler/waiting.hpp"
#include "messages/domain/proposal.hpp"

namespace cloudless::scheduler {

class Pass {
 public:
  struct Terms {
    std::uint64_t number = 0;  ///< no other pass of the same waiting list has it
    std::size_t limit = 0;     ///< replicas to place or stop, and reasons to tell
    Millis now = 0;            ///< store time
    bool reasons = true;       ///< work them out and tell them
  };
  Pass(Model& model, Compiled& compiled, WaitingList& waiting, const Terms& terms);
  ~Pass();
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  std::vector<ProposalItem> run();
  /// After run(): store time at which a pass is worth while although nothing changes; absent: never.
  std::optional<Millis> wake_at() const { return wake_at_; }

 private:
  void look_at(const ReplicaSlot& slot);
  /// A place that comes free once others have ended.
  struct Kept {
    ReplicaSlot slot;
    Eviction place;
    std::size_t stopping = 0;  ///< how many stop for it; 0: they stop anyway
  };
  /// How far the pass was.
  struct Mark {
    std::size_t assumed, placed, evictions, victims, searched_nodes;
  };

  void look_at_gang(const ReplicaSlot& slot, const VersionKey& version);
  bool waits_for_members(const Gang& gang, const VersionKey& version);
  bool is_settled(const Gang& gang, const VersionKey& version);
  std::optional<Kept> place_after_stops(const ReplicaSlot& slot, const VersionKey& version,
                                        const Mark& before);
  void spare(std::vector<Kept>& kept, const Mark& before);
  bool can_be_spared(const ReplicaSlot& victim, std::vector<Kept>& kept);
  void wait_for_stops(const AssignGang& others, const std::vector<Kept>& kept);
  Mark mark() const {
    return {assumed_.size(), placed_, evictions_.size(), victims_.size(), searched_nodes_};
  }
  void go_back_to(const Mark& mark);
  bool relies_on_what_may_not_be(const ReplicaSlot& slot) const;
  void keep_for_later(const ReplicaSlot& slot, const Pick& pick);
  bool keeps_place(const ReplicaSlot& slot);
  std::optional<Kept> kept_place(const ReplicaSlot& slot) const;
  bool evicts(const ReplicaSlot& slot, const VersionKey& version);
  bool may_search(const ReplicaSlot& slot, const VersionKey& version);
  void rest(const VersionKey& version, const Mark& before);
  std::optional<Eviction> search(const ReplicaSlot& slot, const VersionKey& version);
  void reserve(const Kept& kept);
  void tell_to_stop(const ReplicaSlot& victim, const ReplicaSlot& winner);
  void keep(const Kept& kept);
  bool still_waits(const VersionKey& version) const;
  void note(const ReplicaSlot& slot, const std::string& before);
  bool explains(const Waiting& waiting, const WorkloadUid& uid) const;
  std::string why_nobody_goes(const ReplicaSlot& slot);
  void tell(const ReplicaSlot& slot, Waiting& waiting);
  void tell(const ReplicaSlot& slot, const std::string& reason);
  Millis explain_at(const Waiting& waiting, const WorkloadUid& uid) const;
  AssignReplica assume(const ReplicaSlot& slot, const Pick& pick);
  void withdraw_from(std::size_t first);
  void wake_by(Millis at);

  Model& model_;
  Compiled& compiled_;
  WaitingList& list_;
  std::map<VersionKey, Waiting>& waiting_;
  Terms terms_;
  std::uint64_t generation_;
  std::optional<Millis> wake_at_;
  bool full_ = false;            // something has to wait for the next pass, and all that comes after it
  std::size_t placed_ = 0;       // replicas that get places, and those that are stopped for others
  std::size_t asked_nodes_ = 0;  // for explanations
  std::set<VersionKey> gangs_;   // that had their turn
  struct Search {
    EvictionSearch search;
    std::size_t evictions = 0;  // that it knows of
  };
  Allowance allowance_;
  std::map<VersionKey, Search> searches_;
  std::size_t searched_nodes_ = 0;
  std::vector<NodeId> evictions_;  // where, in order
  std::vector<ReplicaSlot> victims_;
  std::set<WorkloadUid> keepers_;  // for whom a place is kept
  std::vector<ReplicaSlot> assumed_;
  std::vector<ProposalItem> assignments_, reasons_;
};

}  // namespace cloudless::scheduler
