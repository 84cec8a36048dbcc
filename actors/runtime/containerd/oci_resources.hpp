// From what a replica reserves and may use to the "resources" of the OCI spec, which runc writes into control
// groups: when a container starts, and when limits change while it runs. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "messages/domain/resources.hpp"

namespace cloudless::runtime {

/// CPU shares from the request, quota and memory from the limits, the number of processes. A limit above the
/// node's own (0: not known) is cut to it: the kernel refuses a quota above that of the group above it.
nlohmann::json cgroup_resources(const Resources& requests, const ResourceLimits& limits,
                                std::int64_t node_cpu_millicores = 0);

/// The limits alone, each of them written out, so that one that was taken away is lifted.
nlohmann::json limit_resources(const ResourceLimits& limits, std::int64_t node_cpu_millicores = 0);

}  // namespace cloudless::runtime
