// What a gateway process can be told: config/gateway.yaml shows it with its defaults.
#pragma once

#include <optional>
#include <string>

#include "services/settings/listening.hpp"
#include "services/settings/scoring.hpp"

namespace cloudless::gateway {

struct GatewaySettings {
  settings::Address coordinator{"127.0.0.1", 9094};
  std::string secret_file = "/etc/cloudless/secret.ring";

  settings::Address grpc{"127.0.0.1", 8082};
  settings::Tls tls;
  settings::Address http{"127.0.0.1", 8083};
  std::optional<settings::Address> metrics = settings::Address{"127.0.0.1", 9095};

  settings::ScoringSettings scoring;
  Millis watch_keep_for = 3'600'000;
  std::int64_t watch_keep_changes = 1'000'000;
  std::string log_level = "info";
};

/// Registers every field with its help and range.
void register_fields(settings::Settings& form, GatewaySettings& values);

/// INVALID_ARGUMENT names each address that would be open to others without TLS.
Result<void> check(const GatewaySettings& values);

}  // namespace cloudless::gateway
