// cloudless-coordinator: settings, log, signals; everything else is in Coordinator. Exit codes: see
// services/settings/process.hpp.
#include <spdlog/spdlog.h>

#include "services/coordinator/coordinator.hpp"
#include "services/settings/process.hpp"
#include "services/settings/version.hpp"
#include "telemetry/logging.hpp"

using namespace cloudless;

int main(int argc, char** argv) {
  const std::string program = "cloudless-coordinator";
  const auto signals = settings::block_signals();
  coordinator::CoordinatorSettings values;
  settings::Settings form(
      {program, "The control plane of a Cloudless cluster.", kVersion, "/etc/cloudless/coordinator.yaml"});
  coordinator::register_fields(form, values);
  if (const auto code =
          settings::load_or_print(form, program, argc, argv, [&] { return coordinator::check(values); }))
    return *code;
  telemetry::set_up_logging(values.log_level);
  auto started = coordinator::Coordinator::start(
      values, [&program](const Error& error) { settings::end_now(program, error); });
  if (!started) {
    spdlog::critical("{}: cannot start: {}", program, started.error().message);
    return settings::kCannotGoOn;
  }
  const auto ports = (*started)->ports();
  spdlog::info("{} {} is up: gRPC {}:{}, HTTP {}, metrics {}, node link {}, ring {}", program, kVersion,
               values.grpc.host, ports.grpc, ports.http, ports.metrics, ports.link, ports.ring);
  spdlog::info("{}: signal {}, ending", program, settings::wait_for_signal(signals));
  started->reset();
  spdlog::info("{}: ended", program);
  return settings::kEndedOnSignal;
}
