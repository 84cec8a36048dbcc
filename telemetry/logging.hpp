// The log of a process: one line per event on standard error, UTC with milliseconds, level, message. Shells
// and adapters call spdlog directly; cores never log. Secrets, environment values and file contents are never
// logged.
#pragma once

#include <string>

namespace cloudless::telemetry {

/// What set_up_logging accepts as level.
inline constexpr const char* kLogLevels[] = {"trace", "debug", "info", "warn", "error", "off"};

/// Call once, first thing in main. An unknown level means info.
void set_up_logging(const std::string& level);

}  // namespace cloudless::telemetry
