// What the API refuses in a spec's probes. Called by check_spec.
#pragma once

#include "cloudless/api/workload.pb.h"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {

/// `path` is the spec's.
void check_probes(const api::WorkloadSpec& spec, const std::string& path, Violations& v);

}  // namespace cloudless::codec
