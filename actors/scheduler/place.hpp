// Which node each pending replica goes to, or why none will do. A pure function of the inventory; the
// scheduler's decider calls it. Deterministic: the order of nodes is total. Never places over a node's
// allocatable amounts, where another replica has a host port that is wanted, on a node that is not READY, is
// cordoned, or has a NO_SCHEDULE or NO_EXECUTE taint.
#pragma once

#include <string>
#include <vector>

#include "actors/scheduler/inventory.hpp"
#include "messages/domain/proposal.hpp"

namespace cloudless::scheduler {

struct Request {
  std::shared_ptr<const Replica> replica;  ///< never null
  Resources requests;
  std::vector<HostPort> host_ports;
};

struct Unplaced {
  ReplicaId replica;
  std::string reason;  ///< which resource is short, by how much on the nearest node; at most 1024 bytes
  bool operator==(const Unplaced&) const = default;
};

struct Placed {
  std::vector<AssignReplica> assignments;
  std::vector<Unplaced> unplaced;
};

/// Places in the order given; earlier ones take room from later ones. Prefers the node with the fewest
/// replicas of the same workload, then the zone with the fewest, then most free, then the lowest node id.
/// Stops after `limit` assignments; what was not looked at by then is in neither list.
Placed place(const Inventory& inventory, const std::vector<Request>& requests, std::size_t limit);

}  // namespace cloudless::scheduler
