// The pages that every service of Cloudless has.
#pragma once

#include <functional>

#include "telemetry/http_server.hpp"
#include "telemetry/metrics.hpp"

namespace cloudless::telemetry {

/// /health: 200 as long as the process answers. /ready: 200, or 503 with what `ready` says.
HttpRoutes health_routes(std::function<Result<void>()> ready);
/// /metrics in Prometheus' text format. The metrics must outlive the server.
HttpRoutes metrics_routes(const Metrics& metrics);

}  // namespace cloudless::telemetry
