#include "services/host/host_settings.hpp"

#include <iterator>

#include "services/host/placed.hpp"
#include "telemetry/logging.hpp"

namespace cloudless::host {

void register_fields(settings::Settings& form, HostSettings& values) {
  form.text(
      "secret_file", values.secret_file,
      "File with the secret of the cluster, the coordinator's; made with mode 0600 if it does not exist");
  form.address("listen.address", values.listen, "Where others of the cluster place actors, or off");
  form.address("coordinator", values.coordinator,
               "The ring port of the coordinator that `run` works for, or off");
  form.list("run", values.run, "Deciders to run for that coordinator: scheduler, rollout");
  form.choice("log.level", values.log_level,
              {std::begin(telemetry::kLogLevels), std::end(telemetry::kLogLevels)}, "What is logged");
}

Result<void> check(const HostSettings& values) {
  Error wrong{Errc::invalid_argument, "", {}};
  auto refuse = [&wrong](const std::string& line) {
    wrong.message += (wrong.message.empty() ? "" : "\n") + line;
  };
  std::string known;
  for (const auto& kind : decider_kinds()) known += (known.empty() ? "" : ", ") + kind;
  for (const auto& kind : values.run)
    if (decider_kinds().count(kind) == 0) refuse("run: unknown decider " + kind + "; there are " + known);
  if (!values.run.empty() && !values.coordinator) refuse("run needs coordinator: whom should they work for?");
  if (values.run.empty() && values.coordinator)
    refuse("coordinator needs run: what should run here for it? There are " + known);
  if (values.run.empty() && !values.listen)
    refuse("nothing to do: give listen.address, or coordinator and run");
  for (const auto& [name, address] :
       {std::pair{"listen.address", values.listen}, std::pair{"coordinator", values.coordinator}})
    if (address && !is_loopback(*address))
      refuse(std::string(name) + " " + to_string(*address) +
             " leaves this machine, and this version has no TLS there: give a loopback address");
  if (!wrong.message.empty()) return fail(std::move(wrong));
  return {};
}

}  // namespace cloudless::host
