// cloudless-gateway: the API in a process of its own, from a mirror of the coordinator's store. Exit codes:
// see services/settings/process.hpp.
#include <spdlog/spdlog.h>

#include "services/gateway/gateway_process.hpp"
#include "services/settings/process.hpp"
#include "services/settings/version.hpp"
#include "telemetry/logging.hpp"

using namespace cloudless;

int main(int argc, char** argv) {
  const std::string program = "cloudless-gateway";
  const auto signals = settings::block_signals();
  gateway::GatewaySettings values;
  settings::Settings form(
      {program, "Serves the API of a Cloudless cluster.", kVersion, "/etc/cloudless/gateway.yaml"});
  gateway::register_fields(form, values);
  if (const auto code =
          settings::load_or_print(form, program, argc, argv, [&] { return gateway::check(values); }))
    return *code;
  telemetry::set_up_logging(values.log_level);
  auto started = gateway::GatewayProcess::start(
      values, [&program](const Error& error) { settings::end_now(program, error); });
  if (!started) {
    spdlog::critical("{}: cannot start: {}", program, started.error().message);
    return settings::kCannotGoOn;
  }
  const auto ports = (*started)->ports();
  spdlog::info("{} {} is up: gRPC {}:{}, HTTP {}, metrics {}", program, kVersion, values.grpc.host,
               ports.grpc, ports.http, ports.metrics);
  spdlog::info("{}: signal {}, ending", program, settings::wait_for_signal(signals));
  started->reset();
  spdlog::info("{}: ended", program);
  return settings::kEndedOnSignal;
}
