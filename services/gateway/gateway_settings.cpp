#include "services/gateway/gateway_settings.hpp"

#include <iterator>

#include "telemetry/logging.hpp"

namespace cloudless::gateway {

void register_fields(settings::Settings& form, GatewaySettings& values) {
  form.address("coordinator", values.coordinator, "The coordinator's ring port");
  form.text("secret_file", values.secret_file, "File with the secret of the coordinator's ring, mode 0600");
  form.address("grpc.address", values.grpc, "Where the API is served");
  settings::add_tls(form, "grpc", values.tls);
  form.address("http.address", values.http, "Where /health and /ready are served");
  form.address("metrics.address", values.metrics, "Where /metrics is served, or off");
  settings::add_scoring(form, values.scoring);
  form.duration("watch.keep_for", values.watch_keep_for, {1'000, 24 * 3'600'000},
                "How long changes are kept for watches");
  form.number<std::int64_t>("watch.keep_changes", values.watch_keep_changes, {1'000, 100'000'000},
                            "How many changes are kept for watches");
  form.choice("log.level", values.log_level,
              {std::begin(telemetry::kLogLevels), std::end(telemetry::kLogLevels)}, "What is logged");
}

Result<void> check(const GatewaySettings& values) {
  settings::Exposure exposure;
  exposure.check("grpc", values.grpc, values.tls);
  exposure.loopback_only("http.address", values.http);
  exposure.loopback_only("metrics.address", values.metrics);
  return exposure.result();
}

}  // namespace cloudless::gateway
