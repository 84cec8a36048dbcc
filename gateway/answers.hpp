// What people read back of a snapshot: its records with what is derived from it, status and reservations.
#pragma once

#include "actors/workload_state/rollout_status.hpp"
#include "cloudless/api/node.pb.h"
#include "cloudless/api/rollout.pb.h"
#include "cloudless/api/workload.pb.h"
#include "messages/domain/snapshot.hpp"

namespace cloudless::gateway {

using workload_state::StatusTime;

/// With its status at the snapshot. `store_revision`: 0 inside lists.
api::Workload describe(const Snapshot& snapshot, const Workload& workload, Revision store_revision = 0);
/// With what its live replicas reserve, and how far its drain is. `store_revision`: 0 inside lists.
api::Node describe(const Snapshot& snapshot, const Node& node, const StatusTime& now,
                   Revision store_revision = 0);
/// With where it is now. `store_revision`: 0 inside lists.
api::Rollout describe(const Snapshot& snapshot, const Workload& workload, const Rollout& rollout,
                      const StatusTime& now, Revision store_revision = 0);

}  // namespace cloudless::gateway
