// What ListUsage answers, from the mirror and what the nodes said. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "cloudless/api/coordinator_service.pb.h"
#include "messages/domain/error.hpp"
#include "messages/domain/snapshot.hpp"
#include "messages/domain/usage.hpp"

namespace cloudless::gateway {

/// What was asked for; empty: everything.
struct UsageSelection {
  std::string ns;
  std::string workload;
  NodeId node;
};

/// The nodes to ask: those with a replica that is meant, or all when no workload and namespace is named.
/// NOT_FOUND if the named workload or node does not exist.
Result<std::set<NodeId>> usage_nodes(const Snapshot& snapshot, const UsageSelection& selection);

/// Replicas in order of namespace, workload and ordinal; then every node that was asked, by id, with its
/// figures or why there are none.
void answer_usage(const Snapshot& snapshot, const UsageSelection& selection,
                  const std::map<NodeId, Result<NodeUsage>>& said, api::ListUsageReply& reply);

}  // namespace cloudless::gateway
