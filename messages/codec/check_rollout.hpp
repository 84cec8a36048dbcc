// Checks how a spec is rolled out; called from check_spec. Pure.
#pragma once

#include <string>

#include "cloudless/api/workload.pb.h"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {

/// Everything that is wrong with `spec.rollout`; `path` is of it. What could never move, or only by breaking
/// min_available, is refused with the way out.
void check_rollout(const api::WorkloadSpec& spec, const std::string& path, Violations& v);

}  // namespace cloudless::codec
