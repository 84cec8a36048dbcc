// Users' words about pull secrets: names of secrets of the workload's namespace.
#pragma once

#include "cloudless/api/workload.pb.h"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {

/// `path` is the spec's own.
void check_pull_secrets(const api::WorkloadSpec& spec, const std::string& path, Violations& violations);

}  // namespace cloudless::codec
