// What a coordinator can be told: config/coordinator.yaml shows it with its defaults.
#pragma once

#include <optional>
#include <string>

#include "services/settings/listening.hpp"
#include "services/settings/scoring.hpp"

namespace cloudless::coordinator {

/// Where the scheduler runs.
struct SchedulerPlace {
  bool embedded = true;
  /// Not embedded: the port of the cloudless-host on which the coordinator places one; absent: one that joins
  /// the ring by itself does the work, and until then replicas stay PENDING.
  std::optional<settings::Address> host;
};

struct CoordinatorSettings {
  std::string data_dir = "/var/lib/cloudless/coordinator";
  std::string secret_file = "/etc/cloudless/secret";
  std::string store_engine = "sqlite";

  settings::Address grpc{"127.0.0.1", 8080};
  settings::Tls tls;
  settings::Address http{"127.0.0.1", 8081};
  std::optional<settings::Address> metrics = settings::Address{"127.0.0.1", 9090};
  settings::Address link{"127.0.0.1", 9093};
  std::optional<settings::Address> ring = settings::Address{"127.0.0.1", 9094};
  SchedulerPlace scheduler;

  settings::ScoringSettings scoring;
  Millis lease_interval = 500;
  Millis lease_duration = 10'000;
  Millis watch_keep_for = 3'600'000;
  std::int64_t watch_keep_changes = 1'000'000;
  std::string log_level = "info";
};

/// Registers every field with its help and range.
void register_fields(settings::Settings& form, CoordinatorSettings& values);
/// What no single field can say: INVALID_ARGUMENT names each address that would be open to others without
/// TLS.
Result<void> check(const CoordinatorSettings& values);

}  // namespace cloudless::coordinator
