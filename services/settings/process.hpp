// The frame of every main: signals, settings, log.
#pragma once

#include <signal.h>

#include <functional>

#include "services/settings/settings.hpp"

namespace cloudless::settings {

/// Exit codes of our daemons.
inline constexpr int kEndedOnSignal = 0;
inline constexpr int kCannotGoOn = 1;
inline constexpr int kWrongSettings = 2;

/// Blocks SIGTERM and SIGINT for all threads that are started later, and ignores SIGPIPE. Call first in main.
sigset_t block_signals();
/// Waits for one of them. Afterwards a second one, or ten seconds, end the process whatever hangs.
int wait_for_signal(const sigset_t& signals);

/// Loads the settings and prints what is to be printed. The exit code if the process is to end now.
std::optional<int> load_or_print(Settings& form, const std::string& program, int argc,
                                 const char* const* argv, const std::function<Result<void>()>& check);

/// For errors after which nothing in memory can be trusted: logs, and ends the process at once with
/// kCannotGoOn.
[[noreturn]] void end_now(const std::string& program, const Error& error);

}  // namespace cloudless::settings
