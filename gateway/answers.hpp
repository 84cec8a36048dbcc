// What people read back of a snapshot: its records with what is derived from it, status and reservations.
#pragma once

#include "cloudless/api/node.pb.h"
#include "cloudless/api/workload.pb.h"
#include "messages/domain/snapshot.hpp"

namespace cloudless::gateway {

/// With its status at the snapshot. `store_revision`: 0 inside lists.
api::Workload describe(const Snapshot& snapshot, const Workload& workload, Revision store_revision = 0);
/// With what its live replicas reserve. `store_revision`: 0 inside lists.
api::Node describe(const Snapshot& snapshot, const Node& node, Revision store_revision = 0);

}  // namespace cloudless::gateway
