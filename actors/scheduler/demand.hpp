// What one replica asks for, with everything looked up that is the same for all nodes: whom its affinities
// mean, who keeps it away, where fewest of its kind are, what failed where. A view into a Model, valid until
// that changes. Pure; filter, score and explain take it.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/scheduler/model.hpp"

namespace cloudless::scheduler {

struct Demand {
  const Model* model = nullptr;
  std::shared_ptr<const Ask> ask;
  const WorkloadView* own = nullptr;
  WorkloadUid workload;
  std::uint64_t version = 0;
  std::string ns;
  Labels labels;  ///< of its workload
  Scoring scoring;
  Millis now = 0;  ///< store time

  /// An affinity or anti-affinity towards workloads, and where their live replicas are.
  struct Towards {
    const AffinityTerm* term = nullptr;
    std::vector<const Crowd*> crowds;
    bool waived = false;  ///< nobody is there yet and it would be the first of its group
    std::uint32_t near(const Node& node) const;
  };
  std::vector<Towards> required, required_away, preferred, preferred_away;
  /// Versions whose required anti-affinity selects this workload.
  struct Guard {
    WorkloadUid workload;
    const Labels* selector = nullptr;
    Topology topology = Topology::node;
    const Crowd* crowd = nullptr;
  };
  std::vector<Guard> guards;
  std::vector<const Crowd*> peers;  ///< of workloads that its affinities select, each once
  std::map<NodeId, Millis> failed_until;

  const Placement& placement() const { return ask->pod->placement; }
  /// Where other replicas are decides on where it may be.
  bool has_rules_between_replicas() const;
  /// A required affinity selects this workload.
  bool requires_company_of(const WorkloadView& workload) const;
  /// Of its own live replicas, in the domain of its spread that has fewest among those with a statically
  /// eligible node. Worked out by the first call.
  std::uint32_t fewest() const;
  mutable std::optional<std::uint32_t> fewest_{};
};

/// The replica must be known to the model.
Demand demand_of(const Model& model, const ReplicaSlot& slot, Millis now);
/// As a replica of that workload and version would ask with this template: for what-if questions.
Demand demand_of(const Model& model, const WorkloadUid& workload, std::uint64_t version,
                 std::shared_ptr<const Ask> ask, Millis now);

/// How long a node is left alone after this many failures there: 10 s, doubled each time, at most 5 min.
Millis back_off(std::size_t failures);

/// Where the replicas of the placement's spread count as together; absent: spread none.
std::optional<Topology> spread_topology(const Placement& placement);

}  // namespace cloudless::scheduler
