// Questions about what would happen: from the API's messages to domain values, with everything that is wrong
// said at once. Used by gateways.
#pragma once

#include <vector>

#include "cloudless/api/placement.pb.h"
#include "messages/domain/error.hpp"
#include "messages/domain/snapshot.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::codec {

/// A workload as it is to be.
struct PlanTarget {
  QualifiedName name;
  WorkloadSpec spec;
  bool keep_replicas = false;  ///< the spec names none: a workload that exists keeps its number
};
/// INVALID_ARGUMENT with paths like "apply.workloads[2].spec.image", else UNIMPLEMENTED.
Result<std::vector<PlanTarget>> parse_targets(const api::PlanRequest& request);

struct RebalanceQuestion {
  std::string ns;  ///< empty: all
  std::uint32_t budget = 10;
  std::int32_t min_gain = 20'000;
};
/// INVALID_ARGUMENT.
Result<RebalanceQuestion> parse_rebalance(const api::RebalanceRequest& request);

}  // namespace cloudless::codec
