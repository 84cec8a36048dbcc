// What each replica of this node uses, for /metrics: one look at the kernel's counters when somebody asks.
#pragma once

#include <prometheus/collectable.h>

#include <memory>

#include "actors/runtime/runtime_port.hpp"

namespace cloudless::agent {

/// cloudless_replica_cpu_seconds_total, _memory_bytes, _processes, _network_*_bytes_total and
/// _disk_*_bytes_total, by namespace and replica. `runtime` outlives it.
std::shared_ptr<prometheus::Collectable> usage_figures(runtime::RuntimePort& runtime);

/// The families, from what was seen.
std::vector<prometheus::MetricFamily> usage_families(const std::vector<ContainerUsage>& seen);

}  // namespace cloudless::agent
