// What a spec says about directories and files of its container, checked with the path of every bad value:
// values by themselves, and that no two things are to stand where they cannot both be.
#pragma once

#include <string>

#include "cloudless/api/workload.pb.h"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {

/// Checks spec.volumes and spec.config_files; `path` is the spec's.
void check_volumes(const api::WorkloadSpec& spec, const std::string& path, Violations& v);

}  // namespace cloudless::codec
