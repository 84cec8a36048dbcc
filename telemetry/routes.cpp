#include "telemetry/routes.hpp"

#include <utility>

namespace cloudless::telemetry {

HttpRoutes health_routes(std::function<Result<void>()> ready) {
  return {{"/health",
           [] {
             return HttpAnswer{200, "ok\n"};
           }},
          {"/ready", [ready = std::move(ready)] {
             const auto answer = ready();
             return answer ? HttpAnswer{200, "ready\n"}
                           : HttpAnswer{503, "not ready: " + answer.error().message + "\n"};
           }}};
}

HttpRoutes metrics_routes(const Metrics& metrics) {
  return {{"/metrics", [&metrics] {
             return HttpAnswer{200, metrics.text(), "text/plain; version=0.0.4; charset=utf-8"};
           }}};
}

}  // namespace cloudless::telemetry
