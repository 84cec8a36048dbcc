// From a workload's requests and limits to the "resources" of the OCI spec, which runc writes into control
// groups. Pure; used by oci_spec.cpp when a container starts.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "messages/domain/workload.hpp"

namespace cloudless::runtime {

/// Processes and threads that one container may have.
inline constexpr std::int64_t kPidsLimit = 4096;

/// CPU shares from the request, quota and memory from the limits, the number of processes.
nlohmann::json cgroup_resources(const Template& pod);

}  // namespace cloudless::runtime
