// What users do with the newest rollout of a workload: pause, resume, promote, abort, undo, restart. Judged
// on the owner's head; part of command.
#pragma once

#include <memory>
#include <string>

#include "actors/owner/plan.hpp"
#include "actors/workload_state/stamp.hpp"
#include "messages/domain/command.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::workload_state {

/// Plans it and answers with the workload after it, whose revision moves only if its version does. Nothing is
/// planned if it is so already. FAILED_PRECONDITION where the newest rollout is not such that this can be
/// done, INVALID_ARGUMENT for a version that does not exist; both say what can be done instead.
Result<Workload> control(owner::Plan& plan, const Workload& present, const ControlRollout& action,
                         const std::string& by, const Stamp& stamp);

}  // namespace cloudless::workload_state
