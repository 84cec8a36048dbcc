#include "services/coordinator/coordinator_settings.hpp"

#include <iterator>
#include <vector>

#include "telemetry/logging.hpp"

namespace cloudless::coordinator {
namespace {

std::string parse(const std::string& text, SchedulerPlace& place) {
  const auto host = settings::parse_address(text);
  if (text != "embedded" && text != "off" && !host) return "embedded, off or host:port";
  place = {text == "embedded", host ? std::optional(*host) : std::nullopt};
  return {};
}

std::string show(const SchedulerPlace& place) {
  if (place.host) return to_string(*place.host);
  return place.embedded ? "embedded" : "off";
}

}  // namespace

void register_fields(settings::Settings& form, CoordinatorSettings& values) {
  form.text("data_dir", values.data_dir, "Folder of the store; made if it does not exist");
  form.text(
      "secret_file", values.secret_file,
      "File with the secret that agents must know; made with mode 0600 if it does not exist, and beside it "
      "another, named like it with .ring, that gateways and hosts must know, and agents must not");
  form.choice("store.engine", values.store_engine, {"sqlite", "memory"},
              "Where records are kept; memory forgets them at the end of the process");
  form.address("grpc.address", values.grpc, "Where the API is served");
  settings::add_tls(form, "grpc", values.tls);
  form.address("http.address", values.http, "Where /health and /ready are served");
  form.address("metrics.address", values.metrics, "Where /metrics is served, or off");
  form.address("link.address", values.link, "Where agents connect");
  form.address("ring.address", values.ring,
               "Where cloudless-gateway and other processes of the ring connect, or off");
  form.custom(
      "scheduler", [&values](const std::string& text) { return parse(text, values.scheduler); },
      [&values] { return show(values.scheduler); },
      "embedded: in this process; host:port: placed on the cloudless-host there; off: one elsewhere joins "
      "the "
      "ring");
  settings::add_scoring(form, values.scoring);
  form.duration("lease.interval", values.lease_interval, {50, 60'000},
                "How often agents say that they are alive");
  form.duration("lease.duration", values.lease_duration, {1'000, 3'600'000},
                "A node that is not heard for this long is OFFLINE and its replicas are replaced; at least 4 "
                "intervals");
  form.duration("watch.keep_for", values.watch_keep_for, {1'000, 24 * 3'600'000},
                "How long changes are kept for watches");
  form.number<std::int64_t>("watch.keep_changes", values.watch_keep_changes, {1'000, 100'000'000},
                            "How many changes are kept for watches");
  form.choice("log.level", values.log_level,
              {std::begin(telemetry::kLogLevels), std::end(telemetry::kLogLevels)}, "What is logged");
}

Result<void> check(const CoordinatorSettings& values) {
  settings::Exposure exposure;
  exposure.check("grpc", values.grpc, values.tls);
  exposure.loopback_only("http.address", values.http);
  exposure.loopback_only("metrics.address", values.metrics);
  if (!values.scheduler.embedded && !values.scheduler.host && !values.ring)
    exposure.refuse("scheduler off needs ring.address: a scheduler elsewhere must be able to join");
  if (values.lease_duration < 4 * values.lease_interval)
    exposure.refuse("lease.duration must be at least 4 times lease.interval");
  return exposure.result();
}

}  // namespace cloudless::coordinator
