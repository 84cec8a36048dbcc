// cloudless-agent: settings, log, signals; everything else is in Agent. Exit codes: see
// services/settings/process.hpp.
#include <malloc.h>
#include <spdlog/spdlog.h>

#include "services/agent/agent.hpp"
#include "services/settings/process.hpp"
#include "services/settings/version.hpp"
#include "telemetry/logging.hpp"

using namespace cloudless;

namespace {

/// What is freed goes back to the machine. An agent has some forty threads that each need much for a moment
/// (libnftables half a megabyte per table of the machine), and glibc would keep as much for every one of
/// them: 66 MB instead of 50 with 200 replicas, and 215 beside 57 tables of others.
void keep_little_memory() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 128 << 10);  // its default, which grows with what is freed unless it is set
}

}  // namespace

int main(int argc, char** argv) {
  const std::string program = "cloudless-agent";
  keep_little_memory();
  const auto signals = settings::block_signals();
  agent::AgentSettings values;
  settings::Settings form(
      {program, "Runs a machine's share of a Cloudless cluster.", kVersion, "/etc/cloudless/agent.yaml"});
  agent::register_fields(form, values);
  if (const auto code =
          settings::load_or_print(form, program, argc, argv, [&] { return agent::complete(values); }))
    return *code;
  telemetry::set_up_logging(values.log_level);
  auto started =
      agent::Agent::start(values, [&program](const Error& error) { settings::end_now(program, error); });
  if (!started) {
    spdlog::critical("{}: cannot start: {}", program, started.error().message);
    return settings::kCannotGoOn;
  }
  const auto ports = (*started)->ports();
  spdlog::info("{} {} is up as node {}: gRPC {}:{}, HTTP {}", program, kVersion, values.node_name,
               values.grpc.host, ports.grpc, ports.http);
  spdlog::info("{}: signal {}, ending; containers run on", program, settings::wait_for_signal(signals));
  started->reset();
  spdlog::info("{}: ended", program);
  return settings::kEndedOnSignal;
}
