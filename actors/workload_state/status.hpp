// What a workload is, derived from its replicas and their nodes; for gateways, from their mirror. Meanings as
// documented in proto/cloudless/api/workload.proto.
#pragma once

#include "messages/domain/snapshot.hpp"
#include "messages/domain/status.hpp"

namespace cloudless::workload_state {

/// `now`: for how long something has lasted, in the reason; 0: that is left out.
WorkloadStatus derive_status(const Snapshot& snapshot, const Workload& workload, WallMillis now = 0);

}  // namespace cloudless::workload_state
