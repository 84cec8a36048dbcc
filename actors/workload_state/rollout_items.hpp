// What the rollout decider proposes about rollouts themselves: judged on the owner's head, part of proposal.
#pragma once

#include "actors/owner/plan.hpp"
#include "actors/workload_state/budget.hpp"
#include "actors/workload_state/stamp.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/proposal.hpp"

namespace cloudless::workload_state {

/// Code none: accepted and planned, or so already. See messages/domain/proposal.hpp.
Error judge(owner::Plan& plan, const SwitchServing& item, Budget& budget, const Stamp& stamp);
Error judge(owner::Plan& plan, const PromoteRollout& item, const Stamp& stamp);
Error judge(owner::Plan& plan, const EndRollout& item, Budget& budget, const Stamp& stamp);
Error judge(owner::Plan& plan, const MarkTime& item, const Stamp& stamp);
Error judge(owner::Plan& plan, const ForgetRollout& item);

}  // namespace cloudless::workload_state
