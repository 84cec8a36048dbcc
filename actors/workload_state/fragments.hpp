// What a node's room is reserved for, piece by piece: derived, for gateways. Pure. Always: a replica holds
// what its version asks for from its assignment until it has ended, also while it stops.
#pragma once

#include <memory>
#include <vector>

#include "messages/domain/snapshot.hpp"

namespace cloudless::workload_state {

/// What one replica holds.
struct Fragment {
  std::shared_ptr<const Replica> replica;
  Resources resources;
};

struct Fragments {
  Resources system;                ///< what the agent keeps back
  Resources reservable;            ///< allocatable, with the over-commit
  std::vector<Fragment> replicas;  ///< by id
  Resources free;                  ///< never negative; GPUs in sum, whole ones and the thousandths beyond
};

Fragments fragments_of(const Snapshot& snapshot, const Node& node);

}  // namespace cloudless::workload_state
