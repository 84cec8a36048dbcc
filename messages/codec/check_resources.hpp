// Users' words about what a replica reserves and may use: every bad amount is named with its path. A part of
// check_spec.
#pragma once

#include "cloudless/api/workload.pb.h"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {

/// `path` is that of `resources`.
void check_resources(const api::Resources& resources, const std::string& path, Violations& violations);

}  // namespace cloudless::codec
