#include "messages/codec/spec_message.hpp"

#include <limits>

#include "messages/codec/container_message.hpp"
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/placement_message.hpp"

namespace cloudless::codec {
namespace {

constexpr std::int64_t kWholeGpu = 1000;
constexpr std::uint64_t kMaxAmount = std::numeric_limits<std::int64_t>::max();

bool read_amount(std::uint64_t wire, std::int64_t& out) {
  out = static_cast<std::int64_t>(wire);
  return wire <= kMaxAmount;
}

/// 0 is UNSPECIFIED: the default that `out` holds stays.
template <class Enum>
bool read_or_default(int wire, Enum first, Enum last, Enum& out) {
  return wire == 0 || read_enum(wire, first, last, out);
}

void write(const RestartPolicy& restart, api::RestartPolicy& out) {
  out.set_mode(static_cast<api::RestartPolicy::Mode>(restart.mode));
  if (restart.max_retries) out.set_max_retries(*restart.max_retries);
  auto& backoff = *out.mutable_backoff();
  backoff.set_initial_ms(static_cast<std::uint64_t>(restart.backoff.initial));
  backoff.set_max_ms(static_cast<std::uint64_t>(restart.backoff.max));
  backoff.set_reset_after_ms(static_cast<std::uint64_t>(restart.backoff.reset_after));
}

bool read(const api::RestartPolicy& wire, RestartPolicy& out) {
  if (!read_or_default(wire.mode(), RestartMode::always, RestartMode::never, out.mode)) return false;
  if (wire.has_max_retries()) out.max_retries = wire.max_retries();
  const auto& backoff = wire.backoff();
  return (!backoff.has_initial_ms() || read_amount(backoff.initial_ms(), out.backoff.initial)) &&
         (!backoff.has_max_ms() || read_amount(backoff.max_ms(), out.backoff.max)) &&
         (!backoff.has_reset_after_ms() || read_amount(backoff.reset_after_ms(), out.backoff.reset_after));
}

void write(const IntOrPercent& value, api::IntOrPercent& out) {
  if (value.percent) {
    out.set_percent(value.value);
  } else {
    out.set_absolute(value.value);
  }
}

void read(const api::IntOrPercent& wire, IntOrPercent& out) {
  if (wire.value_case() == api::IntOrPercent::kPercent) out = {wire.percent(), true};
  if (wire.value_case() == api::IntOrPercent::kAbsolute) out = {wire.absolute(), false};
}

void write(const RolloutPolicy& rollout, api::RolloutPolicy& out) {
  out.set_strategy(static_cast<api::RolloutPolicy::Strategy>(rollout.strategy));
  if (rollout.max_surge) write(*rollout.max_surge, *out.mutable_max_surge());
  if (rollout.max_unavailable) write(*rollout.max_unavailable, *out.mutable_max_unavailable());
  if (rollout.min_available) out.set_min_available(*rollout.min_available);
  out.set_pause_duration_ms(static_cast<std::uint64_t>(rollout.pause_duration));
  out.set_min_ready_ms(static_cast<std::uint64_t>(rollout.min_ready));
  out.set_progress_deadline_ms(static_cast<std::uint64_t>(rollout.progress_deadline));
  out.set_auto_rollback(rollout.auto_rollback);
  if (rollout.canary) {
    write(rollout.canary->replicas, *out.mutable_canary()->mutable_replicas());
    if (rollout.canary->promote_after)
      out.mutable_canary()->set_promote_after_ms(static_cast<std::uint64_t>(*rollout.canary->promote_after));
  }
  out.set_switch_back_window_ms(static_cast<std::uint64_t>(rollout.switch_back_window));
  out.set_ready_timeout_ms(static_cast<std::uint64_t>(rollout.ready_timeout));
  out.set_history_limit(rollout.history_limit);
}

bool read(const api::RolloutPolicy& wire, RolloutPolicy& out) {
  if (wire.has_max_surge()) read(wire.max_surge(), out.max_surge.emplace());
  if (wire.has_max_unavailable()) read(wire.max_unavailable(), out.max_unavailable.emplace());
  if (wire.has_min_available()) out.min_available = wire.min_available();
  if (wire.has_auto_rollback()) out.auto_rollback = wire.auto_rollback();
  if (wire.has_history_limit()) out.history_limit = wire.history_limit();
  if (wire.has_canary()) {
    auto& canary = out.canary.emplace();
    read(wire.canary().replicas(), canary.replicas);
    if (wire.canary().has_promote_after_ms() &&
        !read_amount(wire.canary().promote_after_ms(), canary.promote_after.emplace()))
      return false;
  }
  return read_amount(wire.pause_duration_ms(), out.pause_duration) &&
         read_amount(wire.min_ready_ms(), out.min_ready) &&
         (!wire.has_progress_deadline_ms() ||
          read_amount(wire.progress_deadline_ms(), out.progress_deadline)) &&
         (!wire.has_switch_back_window_ms() ||
          read_amount(wire.switch_back_window_ms(), out.switch_back_window)) &&
         (!wire.has_ready_timeout_ms() || read_amount(wire.ready_timeout_ms(), out.ready_timeout)) &&
         read_or_default(wire.strategy(), RolloutStrategy::rolling_update, RolloutStrategy::blue_green,
                         out.strategy);
}

bool read(const api::Port& wire, Port& out) {
  if (wire.container_port() == 0 || wire.container_port() > std::numeric_limits<std::uint16_t>::max())
    return false;
  out.name = wire.name();
  out.container_port = static_cast<std::uint16_t>(wire.container_port());
  if (wire.has_host_port()) {
    if (wire.host_port() > std::numeric_limits<std::uint16_t>::max()) return false;
    out.host_port = static_cast<std::uint16_t>(wire.host_port());
  }
  return read_or_default(wire.protocol(), Protocol::tcp, Protocol::udp, out.protocol);
}

}  // namespace

void write(const Resources& resources, api::ResourceList& out) {
  out.set_cpu_millicores(static_cast<std::uint64_t>(resources.cpu_millicores));
  out.set_memory_bytes(static_cast<std::uint64_t>(resources.memory_bytes));
  out.set_storage_bytes(static_cast<std::uint64_t>(resources.storage_bytes));
  out.set_bandwidth_bps(static_cast<std::uint64_t>(resources.bandwidth_bps));
  out.set_gpu_count(static_cast<std::uint64_t>(resources.gpu_count));
  if (resources.gpu_milli != 0) out.set_gpu_milli(static_cast<std::uint64_t>(resources.gpu_milli));
}

bool read(const api::ResourceList& wire, Resources& out) {
  return (!wire.has_cpu_millicores() || read_amount(wire.cpu_millicores(), out.cpu_millicores)) &&
         (!wire.has_memory_bytes() || read_amount(wire.memory_bytes(), out.memory_bytes)) &&
         (!wire.has_storage_bytes() || read_amount(wire.storage_bytes(), out.storage_bytes)) &&
         (!wire.has_bandwidth_bps() || read_amount(wire.bandwidth_bps(), out.bandwidth_bps)) &&
         (!wire.has_gpu_count() || read_amount(wire.gpu_count(), out.gpu_count)) &&
         (!wire.has_gpu_milli() || read_amount(wire.gpu_milli(), out.gpu_milli));
}

void write(const ResourceLimits& limits, api::Resources& out) {
  if (limits.pids) out.set_pids_limit(static_cast<std::uint32_t>(*limits.pids));
  if (!limits.cpu_millicores && !limits.memory_bytes && !limits.storage_bytes) return;
  auto& list = *out.mutable_limits();
  if (limits.cpu_millicores) list.set_cpu_millicores(static_cast<std::uint64_t>(*limits.cpu_millicores));
  if (limits.memory_bytes) list.set_memory_bytes(static_cast<std::uint64_t>(*limits.memory_bytes));
  if (limits.storage_bytes) list.set_storage_bytes(static_cast<std::uint64_t>(*limits.storage_bytes));
}

bool read(const api::Resources& wire, ResourceLimits& out) {
  const auto& list = wire.limits();
  if (wire.has_pids_limit()) out.pids = wire.pids_limit();
  return (!list.has_cpu_millicores() || read_amount(list.cpu_millicores(), out.cpu_millicores.emplace())) &&
         (!list.has_memory_bytes() || read_amount(list.memory_bytes(), out.memory_bytes.emplace())) &&
         (!list.has_storage_bytes() || read_amount(list.storage_bytes(), out.storage_bytes.emplace()));
}

void write(const Taint& taint, api::Taint& out) {
  out.set_key(taint.key);
  out.set_value(taint.value);
  out.set_effect(static_cast<api::TaintEffect>(taint.effect));
}

bool read(const api::Taint& wire, Taint& out) {
  out.key = wire.key();
  out.value = wire.value();
  return !out.key.empty() &&
         read_enum(wire.effect(), TaintEffect::no_schedule, TaintEffect::no_execute, out.effect);
}

void write(const Template& pod, api::WorkloadSpec& out) {
  out.set_image(pod.image);
  for (const auto& item : pod.command) out.add_command(item);
  for (const auto& item : pod.args) out.add_args(item);
  for (const auto& variable : pod.env) {
    auto& wire = *out.add_env();
    wire.set_name(variable.name);
    wire.set_value(variable.value);
  }
  out.set_working_dir(pod.working_dir);
  write(pod.requests, *out.mutable_resources()->mutable_requests());
  for (const auto& port : pod.ports) {
    auto& wire = *out.add_ports();
    wire.set_name(port.name);
    wire.set_container_port(port.container_port);
    wire.set_protocol(static_cast<api::Port::Protocol>(port.protocol));
    if (port.host_port) wire.set_host_port(*port.host_port);
  }
  write(pod.restart, *out.mutable_restart_policy());
  out.set_image_pull_policy(static_cast<api::ImagePullPolicy>(pod.pull_policy));
  out.set_termination_grace_period_ms(static_cast<std::uint64_t>(pod.termination_grace));
  write_container(pod, out);
  write_placement(pod.placement, out);
}

bool read(const api::WorkloadSpec& wire, Template& out) {
  out = {};
  if (wire.image().empty()) return false;
  out.image = wire.image();
  out.command.assign(wire.command().begin(), wire.command().end());
  out.args.assign(wire.args().begin(), wire.args().end());
  for (const auto& variable : wire.env()) out.env.push_back({variable.name(), variable.value()});
  out.working_dir = wire.working_dir();
  if (!read(wire.resources().requests(), out.requests)) return false;
  if (out.requests.gpu_milli == kWholeGpu) {
    out.requests.gpu_count += 1;
    out.requests.gpu_milli = 0;
  }
  for (const auto& port : wire.ports()) {
    if (!read(port, out.ports.emplace_back())) return false;
  }
  if (wire.has_termination_grace_period_ms() &&
      !read_amount(wire.termination_grace_period_ms(), out.termination_grace))
    return false;
  return read_container(wire, out) && read_placement(wire, out.placement) &&
         read(wire.restart_policy(), out.restart) &&
         read_or_default(wire.image_pull_policy(), ImagePullPolicy::always, ImagePullPolicy::never,
                         out.pull_policy);
}

void write(const WorkloadSpec& spec, api::WorkloadSpec& out) {
  write(spec.pod, out);
  out.set_replicas(spec.replicas);
  write(spec.rollout, *out.mutable_rollout());
  write_labels(spec.labels, *out.mutable_labels());
  write_labels(spec.annotations, *out.mutable_annotations());
  write(spec.limits, *out.mutable_resources());
  out.set_priority(spec.priority);
  out.set_all_or_nothing(spec.all_or_nothing);
  write_scoring(spec.scoring, out);
}

bool read(const api::WorkloadSpec& wire, WorkloadSpec& out) {
  out = {};
  if (wire.has_replicas()) out.replicas = wire.replicas();
  read_labels(wire.labels(), out.labels);
  read_labels(wire.annotations(), out.annotations);
  out.priority = wire.priority();
  out.all_or_nothing = wire.all_or_nothing();
  return read(wire, out.pod) && read(wire.rollout(), out.rollout) && read(wire.resources(), out.limits) &&
         read_scoring(wire, out.scoring);
}

}  // namespace cloudless::codec
