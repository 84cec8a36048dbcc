// What is reserved on the nodes, added up by the judges themselves: over the records of all replicas, one by
// one, without any index or count of the control plane. What others count must be the same: what gateways say
// of a node, and what the scheduler has in its model.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "actors/scheduler/model.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

/// On one node, by replicas that have not ended.
struct Held {
  Resources exact;  ///< sum of the requests
  /// The same in the units that places are decided in, each request rounded up: millicores, MiB, MiB, kbit/s.
  std::array<std::int64_t, 4> rounded{};
  std::map<std::uint8_t, std::int64_t> gpus;                               ///< thousandths, by index
  std::map<std::pair<Protocol, std::uint16_t>, std::uint32_t> host_ports;  ///< wanted by number; how often
  std::set<ReplicaId> replicas;
};

struct Ledger {
  std::map<NodeId, Held> nodes;   ///< those on which something is held
  std::set<ReplicaSlot> waiting;  ///< PENDING and not leaving
  /// Replicas on nodes that exist, neither ended nor leaving: how many, by workload and node.
  std::map<WorkloadUid, std::map<NodeId, std::uint32_t>> live;
};
Ledger ledger_of(const Snapshot& view);

/// What gateways say of the nodes of this view and is not so, in words. Absent: all is.
std::optional<std::string> wrong_fragments(const Ledger& ledger, const Snapshot& view);
/// What the model counts otherwise; so also what is assumed in it.
std::optional<std::string> wrong_model(const Ledger& ledger, const scheduler::Model& model);

}  // namespace cloudless::sim
