// What usage looks like to people: one row per workload, replica or node. Pure.
#pragma once

#include <string>
#include <vector>

#include "cloudless/api/coordinator_service.pb.h"

namespace cloudless::cli {

enum class TopOrder { name, cpu, memory };

/// Workloads: their replicas added up; percentages are of the limits, or of what is reserved where there is
/// none.
std::string top_workloads(const api::ListUsageReply& usage, bool with_namespace, TopOrder order);
std::string top_replicas(const api::ListUsageReply& usage, bool with_namespace, TopOrder order);
/// Percentages are of what is allocatable.
std::string top_nodes(const api::ListUsageReply& usage, TopOrder order);

}  // namespace cloudless::cli
