// In which fields two specs differ. Pure.
#pragma once

#include <string>
#include <vector>

#include "cloudless/api/workload.pb.h"

namespace cloudless::gateway {

struct SpecDifference {
  std::string path;    ///< "rollout.max_surge.absolute", "env[2].value"
  std::string before;  ///< JSON; empty: not set
  std::string after;   ///< JSON; empty: not set
  bool operator==(const SpecDifference&) const = default;
};

/// In order of path. Both have every default written out.
std::vector<SpecDifference> differences(const api::WorkloadSpec& before, const api::WorkloadSpec& after);

}  // namespace cloudless::gateway
