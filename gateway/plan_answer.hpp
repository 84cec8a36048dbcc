// What would happen, as the API says it: by workload, what changes, where replicas would go and what serves
// meanwhile. Pure.
#pragma once

#include <vector>

#include "actors/scheduler/rebalance.hpp"
#include "cloudless/api/placement.pb.h"
#include "messages/codec/api_plan.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::gateway {

/// All of these: `now` is store time.
Result<void> plan_targets(const Snapshot& snapshot, const std::vector<codec::PlanTarget>& targets, Millis now,
                          api::PlanReply& out);
/// NOT_FOUND.
Result<void> plan_drain(const Snapshot& snapshot, const NodeId& node, Millis now, api::PlanReply& out);
/// NOT_FOUND for a node, a zone or a region that does not exist; INVALID_ARGUMENT if none is named.
Result<void> plan_loss(const Snapshot& snapshot, const api::PlanRequest::Lose& loss, Millis now,
                       api::PlanReply& out);

void write_moves(const Snapshot& snapshot, const scheduler::RebalancePlan& plan, api::RebalanceReply& out);

}  // namespace cloudless::gateway
