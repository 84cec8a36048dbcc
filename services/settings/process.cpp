#include "services/settings/process.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>

namespace cloudless::settings {

sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

int wait_for_signal(const sigset_t& signals) {
  int signal = 0;
  sigwait(&signals, &signal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  alarm(10);
  return signal;
}

std::optional<int> load_or_print(Settings& form, const std::string& program, int argc,
                                 const char* const* argv, const std::function<Result<void>()>& check) {
  const auto outcome = form.load(argc, argv, process_environment());
  const Result<void> checked = outcome ? check() : fail(outcome.error());
  if (!checked) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), checked.error().message.c_str());
    return kWrongSettings;
  }
  if (!outcome->exit) return std::nullopt;
  std::fputs(outcome->text.c_str(), stdout);
  return kEndedOnSignal;
}

void end_now(const std::string& program, const Error& error) {
  spdlog::critical("{}: cannot go on: {}; ending, so that a restart begins from what is stored", program,
                   error.message);
  spdlog::default_logger()->flush();
  _exit(kCannotGoOn);
}

}  // namespace cloudless::settings
