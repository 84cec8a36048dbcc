// What replicas use, from what agents said to the API's messages. Used by gateways and by the agent's API.
#pragma once

#include "cloudless/api/usage.pb.h"
#include "messages/domain/usage.hpp"

namespace cloudless::codec {

/// Workload and resources are not filled in.
api::ReplicaUsage to_api(const ReplicaUsage& usage, const NodeId& node, WallMillis sampled_at);
/// Adds what one replica uses to a sum.
void add(const api::Usage& one, api::Usage& sum);

}  // namespace cloudless::codec
