// What /metrics says of the cluster: workloads, replicas and nodes by state, from a gateway's mirror, when
// asked.
#pragma once

#include <memory>

#include "gateway/mirror.hpp"
#include "telemetry/metrics.hpp"

namespace cloudless::gateway {

std::shared_ptr<prometheus::Collectable> cluster_figures(std::shared_ptr<const Mirror> mirror);

}  // namespace cloudless::gateway
