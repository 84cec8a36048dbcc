#include "services/host/host_settings.hpp"

#include <iterator>

#include "services/host/placed.hpp"
#include "services/settings/listening.hpp"
#include "telemetry/logging.hpp"

namespace cloudless::host {

void register_fields(settings::Settings& form, HostSettings& values) {
  form.text("secret_file", values.secret_file,
            "File with the secret of the coordinator's ring; made with mode 0600 if it does not exist");
  form.address("listen.address", values.listen, "Where others of the cluster place actors, or off");
  form.address("coordinator", values.coordinator,
               "The ring port of the coordinator that `run` works for, or off");
  form.list("run", values.run, "Deciders to run for that coordinator: scheduler, rollout");
  form.choice("log.level", values.log_level,
              {std::begin(telemetry::kLogLevels), std::end(telemetry::kLogLevels)}, "What is logged");
}

Result<void> check(const HostSettings& values) {
  settings::Exposure exposure;
  std::string known;
  for (const auto& kind : decider_kinds()) known += (known.empty() ? "" : ", ") + kind;
  for (const auto& kind : values.run)
    if (decider_kinds().count(kind) == 0)
      exposure.refuse("run: unknown decider " + kind + "; there are " + known);
  if (!values.run.empty() && !values.coordinator)
    exposure.refuse("run needs coordinator: the ring port of the one to work for");
  if (values.run.empty() && values.coordinator)
    exposure.refuse("coordinator needs run: what to run for it; there are " + known);
  if (values.run.empty() && !values.listen)
    exposure.refuse("nothing to do: give listen.address, or coordinator and run");
  return exposure.result();
}

}  // namespace cloudless::host
