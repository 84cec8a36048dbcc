// What a cloudless-host can be told: config/host.yaml shows it with its defaults.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/settings/settings.hpp"

namespace cloudless::host {

struct HostSettings {
  std::string secret_file = "/etc/cloudless/secret.ring";
  std::optional<settings::Address> listen = settings::Address{"127.0.0.1", 9096};
  std::optional<settings::Address> coordinator;
  std::vector<std::string> run;
  std::string log_level = "info";
};

/// Registers every field with its help and range.
void register_fields(settings::Settings& form, HostSettings& values);
/// What no single field can say: INVALID_ARGUMENT names what does not fit together.
Result<void> check(const HostSettings& values);

}  // namespace cloudless::host
