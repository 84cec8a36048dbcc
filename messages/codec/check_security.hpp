// Checks what a user says of a container's security before it becomes a domain value: names of capabilities
// and kernel parameters, profiles, ids, paths, and what contradicts itself. Used by api_spec.cpp. What a node
// allows, its agent decides.
#pragma once

#include <string>

#include "cloudless/api/workload.pb.h"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {

/// security_context and runtime_class of `spec`, whose path is `path`.
void check_security(const api::WorkloadSpec& spec, const std::string& path, Violations& v);

}  // namespace cloudless::codec
