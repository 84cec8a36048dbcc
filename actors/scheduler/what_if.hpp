// What would happen: the cluster as it is, changed as somebody asks, in which the scheduler itself gives out
// places until nothing changes any more. Pure; nothing of it reaches the store. For dry runs and plans.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/scheduler/demand.hpp"
#include "actors/scheduler/score.hpp"
#include "messages/domain/proposal.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::scheduler {

/// A replica that got a place.
struct PlannedPlace {
  ReplicaSlot slot;
  NodeId was_on;  ///< empty: it is new, or waited
  NodeId node;
  ScoreTerms terms;  ///< when it was placed; only of the first kTermsPerWorkload of a workload
  std::vector<std::uint8_t> gpus;
  std::vector<ReplicaId> evicts;  ///< of lower priority, stopped for it
};

class WhatIf {
 public:
  static constexpr std::size_t kTermsPerWorkload = 100;

  /// now: store time.
  WhatIf(Snapshot view, Millis now) : view_(std::move(view)), now_(now) {}

  /// A new workload, all of whose replicas wait. `name` must not be taken.
  WorkloadUid create(const std::string& ns, const std::string& name, const WorkloadSpec& spec);
  /// The workload once its rollout is through: the wanted number, of a new version if the template differs.
  void update(const Workload& workload, const WorkloadSpec& spec);
  /// Nothing is placed there, and its replicas wait for another place.
  void drain(const NodeId& node);
  /// All of these go OFFLINE at once; their replicas wait, before other work of their priority.
  void lose(const std::vector<NodeId>& nodes);

  /// Gives out places, as often as that makes a difference; what is told to stop has ended. Call it once,
  /// after all changes.
  void place();

  const Snapshot& view() const { return view_; }
  /// In the order in which they were given.
  const std::vector<PlannedPlace>& places() const { return places_; }
  /// Where replicas were that got, or wait for, another place.
  const std::map<ReplicaSlot, NodeId>& was_on() const { return was_on_; }
  /// Replicas of this workload that found no place, in order.
  std::vector<ReplicaSlot> waiting(const WorkloadUid& workload) const;

 private:
  using Replicas = std::vector<std::shared_ptr<const Replica>>;
  class Placing;

  void lift(const Replica& replica, WallMillis created_at);
  void add(Workload& workload, std::uint32_t count);
  void end_what_stops();

  Snapshot view_;
  Millis now_;
  std::map<ReplicaSlot, NodeId> was_on_;
  std::vector<PlannedPlace> places_;
};

}  // namespace cloudless::scheduler
