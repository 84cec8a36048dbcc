// Checks where a spec's replicas may run and what weighs how much; called from check_spec. Pure.
#pragma once

#include <string>

#include "cloudless/api/workload.pb.h"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {

/// Everything that is wrong with `spec.placement`, `spec.scoring`, `spec.priority` and `spec.all_or_nothing`;
/// `path` is of the spec. Rules that no node or no set of workloads could ever meet are refused.
void check_placement(const api::WorkloadSpec& spec, const std::string& path, Violations& v);

}  // namespace cloudless::codec
