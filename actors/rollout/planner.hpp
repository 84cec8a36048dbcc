// What one step starts and stops, strategy by strategy. Pure; used by step() alone. Stops are taken from the
// counts at once, starts are not: they count when they are committed.
#pragma once

#include "actors/rollout/census.hpp"
#include "actors/rollout/step.hpp"
#include "actors/rollout/verdict.hpp"

namespace cloudless::rollout {

class Planner {
 public:
  Planner(const WorkloadView& view, Census& census, Millis now, Alarm& alarm, Step& out);

  void rolling_update();
  void recreate();
  void blue_green();
  /// Replicas of a lost node stay, in case it returns, until others have started in their place.
  void give_up_lost();

 private:
  using Count = std::int64_t;

  const ReplicaFact& fact(std::size_t i) const { return view_.facts[i]; }
  bool is_current(std::size_t i) const { return fact(i).version == view_.version; }
  bool available(std::size_t i) const { return census_.is_available[i]; }
  bool in_doubt(std::size_t i) const { return fact(i).node == NodeStanding::doubt; }
  Count current() const { return static_cast<Count>(census_.current.size()); }
  Count outdated() const { return static_cast<Count>(census_.outdated.size()); }
  Count moving() const { return static_cast<Count>(census_.moving.size()); }
  Count finished() const { return static_cast<Count>(census_.finished.size()); }
  Count wanted() const { return view_.replicas; }

  /// Replicas of the current version that should be there now.
  Count goal() const;
  /// What is missing while nothing may be replaced is made of this.
  std::uint64_t fill_version() const;
  /// Nothing of the current version is still on its way, and the pause is over.
  bool gate_is_open() const;
  /// One of the current version cannot be placed.
  bool lacks_room() const;

  void keep_count(bool gate);
  Count start_missing_and_surge(bool gate);
  void stop_moving();
  void stop_outdated(bool gate, Count surge);
  void stop_surplus();
  void stop_surplus_while_frozen();
  void give_up(Indexes lost, Count started);
  Indexes take(Indexes& from, bool (*which)(const WorkloadView&, const ReplicaFact&));

  void start(std::uint64_t version, Count count);
  void stop(std::size_t replica, StopCause cause);
  /// Stops it unless it serves and that would leave fewer than `floor`, or nobody knows whether it serves.
  bool stop_above(std::size_t replica, StopCause cause, Count floor);
  /// Those that serve least first, then the newest; replicas of versions that never were ready before all.
  Indexes least_useful_first(const Indexes& list, bool unproven_first = false) const;

  void serve_all_again();
  void prepare_green();
  void keep_blue();

  const WorkloadView& view_;
  Census& census_;
  Millis now_;
  Alarm& alarm_;
  Step& out_;
  Count available_;  // after the stops so far
  Count total_ = 0;  // that fill a place, after the stops so far
};

}  // namespace cloudless::rollout
