// cloudless-host: actors of a cluster outside of its coordinator. Exit codes: see
// services/settings/process.hpp.
#include <spdlog/spdlog.h>

#include "services/host/host.hpp"
#include "services/settings/process.hpp"
#include "services/settings/version.hpp"
#include "telemetry/logging.hpp"

using namespace cloudless;

int main(int argc, char** argv) {
  const std::string program = "cloudless-host";
  const auto signals = settings::block_signals();
  host::HostSettings values;
  settings::Settings form({program, "Runs actors of a Cloudless cluster outside of its coordinator.",
                           kVersion, "/etc/cloudless/host.yaml"});
  host::register_fields(form, values);
  if (const auto code =
          settings::load_or_print(form, program, argc, argv, [&] { return host::check(values); }))
    return *code;
  telemetry::set_up_logging(values.log_level);
  auto started = host::Host::start(values);
  if (!started) {
    spdlog::critical("{}: cannot start: {}", program, started.error().message);
    return settings::kCannotGoOn;
  }
  if (values.listen)
    spdlog::info("{} {} is up: {}:{}", program, kVersion, values.listen->host, (*started)->port());
  else
    spdlog::info("{} {} is up", program, kVersion);
  spdlog::info("{}: signal {}, ending", program, settings::wait_for_signal(signals));
  started->reset();
  spdlog::info("{}: ended", program);
  return settings::kEndedOnSignal;
}
