// What would happen, in words for people. Pure.
#pragma once

#include <string>

#include "cloudless/api/placement.pb.h"

namespace cloudless::cli {

/// Something would change.
bool changes_anything(const api::PlanReply& plan);
/// A block for each workload, and a line that counts them.
std::string applied_text(const api::PlanReply& plan);
/// Workloads with what serves and where their replicas would go. `what`: "draining node-1".
std::string moved_text(const api::PlanReply& plan, const std::string& what);
/// What would be better elsewhere, and by how much.
std::string moves_text(const api::RebalanceReply& reply, bool dry_run);

}  // namespace cloudless::cli
