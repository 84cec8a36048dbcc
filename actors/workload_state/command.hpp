// What users ask of workloads, judged on the owner's head: create, update, scale, delete, control of
// rollouts.
#pragma once

#include "actors/owner/plan.hpp"
#include "actors/workload_state/stamp.hpp"
#include "actors/workload_state/stop.hpp"
#include "messages/domain/command.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::workload_state {

/// Plans the command and answers with the workload after it; no change is planned if everything is already
/// so. A delete plans the tombstone in its first unit and stops of replicas, 500 at most, after it: what is
/// missing or lost of them costs nothing but time, because rollout proposes those stops. On an error nothing
/// is planned: INVALID_ARGUMENT; NOT_FOUND; ALREADY_EXISTS; ABORTED: expected_revision is not the current
/// one; FAILED_PRECONDITION: control(). What the spec of a create or update leaves out of its scoring is
/// filled from `usual`, so that a decision of the scheduler follows from what is stored.
Result<Workload> apply(owner::Plan& plan, const WorkloadCommand& command, const Stamp& stamp,
                       const IsFollowed& is_followed, const Scoring& usual = {});

/// `own`, and what it leaves out as `usual` says it.
Scoring completed(const Scoring& own, const Scoring& usual);

/// 10 lower-case hexadecimal digits, different for different stamps below 2^40.
WorkloadUid uid_of(Revision stamp);

}  // namespace cloudless::workload_state
