// Who has to end so that a replica of higher priority gets a place: of every node where that can help, the
// one that costs least, and on it a set of replicas of which none can be spared. Pure; nobody is stopped
// here. Always: victims are live, of strictly lower priority, and their workloads may lose them now.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "actors/scheduler/allowance.hpp"
#include "actors/scheduler/clearing.hpp"
#include "actors/scheduler/demand.hpp"

namespace cloudless::scheduler {

/// A node for a replica, and who ends there first.
struct Eviction {
  NodeId node;
  std::vector<ReplicaSlot>
      victims;  ///< in order; empty: it fits once those have ended that are stopping anyway
  std::vector<std::uint8_t> gpus;  ///< indices that it will have
  bool operator==(const Eviction&) const = default;
};

/// For a pending replica that fits nowhere; of a gang for this one alone. Absent: there is no such node. The
/// plain form, for questions.
std::optional<Eviction> cheapest_eviction(const Model& model, const ReplicaSlot& slot, Millis now,
                                          Floors floors = Floors::respected);

/// Once those on the node have ended that are told to stop; absent: it will not fit there.
std::optional<Eviction> fit_after_stops(const Demand& demand, const NodeId& node);

/// Somebody is there whom replicas of its version could evict.
bool may_evict(const Model& model, const ReplicaSlot& slot);

/// The same for several replicas of one version, one after another, while the model changes.
class EvictionSearch {
 public:
  /// The model and the allowance must outlive it; the replica is known to the model, and pending.
  EvictionSearch(const Model& model, const ReplicaSlot& slot, Allowance& allowance, Millis now);

  /// The cheapest: lowest highest priority of a victim, then fewest victims, then lowest sum of their
  /// priorities, then the best score, then the lowest ordinal. May be asked again after more has been
  /// assumed.
  std::optional<Eviction> best();
  /// Somebody was told to stop on this node, so that it may have become better.
  void look_again(const NodeId& node);
  /// What is found for one replica may be wrong for the next, also elsewhere.
  bool is_for_one() const;

 private:
  struct Cost {
    std::uint32_t highest = 0;
    std::size_t victims = 0;
    std::uint64_t sum = 0;
    std::int32_t minus_score = 0;
    std::uint64_t ordinal = 0;
    NodeId node;
    auto operator<=>(const Cost&) const = default;
  };
  struct Found {
    Cost cost;
    std::vector<const Tenant*> victims;
    std::vector<std::uint8_t> gpus;
  };
  std::optional<Found> look_at(const NodeId& id);
  bool is_candidate(const Tenant& tenant) const;
  std::vector<const Tenant*> candidates_on(const NodeView& view) const;
  bool spare(Clearing& clearing, std::vector<const Tenant*>& victims);
  bool within_floors(Clearing& clearing, std::vector<const Tenant*>& victims);
  bool confirm(const std::vector<const Tenant*>& victims);

  const Model& model_;
  Allowance& allowance_;
  Demand demand_;
  std::uint32_t priority_ = 0;
  std::priority_queue<Cost, std::vector<Cost>, std::greater<>> queue_;
};

}  // namespace cloudless::scheduler
