// What users ask of workloads, judged on the owner's head: create, update, scale, delete.
#pragma once

#include "actors/owner/plan.hpp"
#include "messages/domain/command.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::workload_state {

/// What a decision is stamped with.
struct Stamp {
  Revision number = 0;  ///< above every stamp before it; becomes the revision of what a user wrote
  WallMillis wall = 0;
};

/// Plans the command and answers with the workload after it; no change is planned if everything is already
/// so. A delete plans the tombstone in its first unit and the stops of the replicas after it: losing later
/// units loses nothing but time, because rollout proposes those stops again. INVALID_ARGUMENT; NOT_FOUND;
/// ALREADY_EXISTS; ABORTED: expected_revision is not the current one. On an error nothing is planned.
Result<Workload> apply(owner::Plan& plan, const WorkloadCommand& command, Stamp stamp);

/// 10 lower-case hexadecimal digits, different for different stamps below 2^40.
WorkloadUid uid_of(Revision stamp);

}  // namespace cloudless::workload_state
