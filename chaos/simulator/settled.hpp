// What must hold some time after the last fault: desired equals observed. Pure: judges a snapshot and what
// runs on the machines.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

/// Containers that run on a machine, by replica; one entry per container.
using Running = std::map<NodeId, std::vector<ReplicaId>>;

/// What is not as desired, in words; a rollout that waits for a user, or has failed, is where it should be.
/// Absent when everything is. A replica that no node has room for is fine if it says so; a workload whose
/// containers cannot run is fine as long as its replicas are there. `gone`: machines that will not come back;
/// what was deleted may wait for them.
std::optional<std::string> unsettled(const Snapshot& view, const Running& running,
                                     const std::set<NodeId>& gone);

/// Nothing should change any more: every workload's containers run for ever, and no rollout goes on.
bool comes_to_rest(const Snapshot& view);

}  // namespace cloudless::sim
