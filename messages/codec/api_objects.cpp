#include "messages/codec/api_objects.hpp"

#include "messages/codec/message_bytes.hpp"
#include "messages/codec/spec_message.hpp"
#include "messages/codec/utf8.hpp"
#include "messages/domain/node_trouble.hpp"

namespace cloudless::codec {
namespace {

// The API's numbers are the domain's.
static_assert(static_cast<int>(api::Replica::PENDING) == static_cast<int>(Phase::pending));
static_assert(static_cast<int>(api::Replica::LOST) == static_cast<int>(Phase::lost));
static_assert(static_cast<int>(api::ProbeStatus::READINESS) == static_cast<int>(ProbeKind::readiness));
static_assert(static_cast<int>(api::ProbeStatus::FAILING) == static_cast<int>(ProbeStanding::failing));
static_assert(static_cast<int>(api::WorkloadStatus::PENDING) == static_cast<int>(WorkloadPhase::pending));
static_assert(static_cast<int>(api::WorkloadStatus::DELETING) == static_cast<int>(WorkloadPhase::deleting));
static_assert(static_cast<int>(api::Node::OFFLINE) == static_cast<int>(NodeState::offline));
static_assert(static_cast<int>(api::Rollout::STARTING) == static_cast<int>(RolloutPhase::starting));
static_assert(static_cast<int>(api::Rollout::SUPERSEDED) == static_cast<int>(RolloutPhase::superseded));
static_assert(static_cast<int>(api::Rollout::CREATED) == static_cast<int>(RolloutCause::created));
static_assert(static_cast<int>(api::Rollout::ONE_BEFORE_FAILED) == static_cast<int>(RolloutCause::failed));
static_assert(static_cast<int>(api::RolloutPolicy::BLUE_GREEN) ==
              static_cast<int>(RolloutStrategy::blue_green));
static_assert(static_cast<int>(api::Event::WARNING) == static_cast<int>(Severity::warning));

/// 0 is "never": the field stays absent.
template <class SetTime>
void set_time(WallMillis time, SetTime mutable_time) {
  if (time == 0) return;
  auto& out = *mutable_time();
  out.set_seconds(time / 1000);
  out.set_nanos(static_cast<std::int32_t>(time % 1000) * 1'000'000);
}

}  // namespace

api::Replica to_api(const Replica& replica, std::uint64_t serving_version) {
  api::Replica out;
  out.set_id(replica.id.value);
  out.set_ordinal(replica.ordinal);
  out.set_version(replica.version);
  out.set_node_id(replica.node.value);
  out.set_container_id(replica.container.value);
  out.set_state(static_cast<api::Replica::State>(replica.phase));
  out.set_attempt(replica.attempt);
  out.set_ready(replica.ready);
  out.set_reason(valid_utf8(*replica.reason));
  if (replica.exit_code) out.set_exit_code(*replica.exit_code);
  out.set_address(replica.address);
  set_time(replica.created_at, [&] { return out.mutable_created_at(); });
  set_time(replica.started_at, [&] { return out.mutable_started_at(); });
  out.set_serving(replica.serving && !replica.is_leaving() &&
                  (serving_version == 0 || serving_version == replica.version));
  out.set_stop_requested(replica.is_leaving());
  for (const auto& port : replica.published_ports) *out.add_published_ports() = to_api(port);
  out.set_image_digest(replica.image_digest);
  out.set_restarts(replica.attempt > 0 ? replica.attempt - 1 : 0);
  for (const auto& probe : replica.probes) {
    auto& wire = *out.add_probes();
    wire.set_kind(static_cast<api::ProbeStatus::Kind>(probe.kind));
    wire.set_standing(static_cast<api::ProbeStatus::Standing>(probe.standing));
    wire.set_failure(valid_utf8(probe.failure));
    set_time(probe.since, [&] { return wire.mutable_since(); });
  }
  out.set_last_end(valid_utf8(*replica.last_end));
  for (const auto gpu : replica.gpus) out.add_gpus(gpu);
  return out;
}

api::PublishedPort to_api(const PublishedPort& port) {
  api::PublishedPort out;
  out.set_name(port.name);
  out.set_protocol(static_cast<api::Port::Protocol>(port.protocol));
  out.set_container_port(port.container_port);
  out.set_host_port(port.host_port);
  return out;
}

api::Workload to_api(const Workload& workload, const WorkloadStatus& status, Revision store_revision) {
  api::Workload out;
  out.set_namespace_(workload.ns);
  out.set_name(workload.name);
  out.set_uid(workload.uid.value);
  out.set_revision(workload.revision);
  write(workload.spec, *out.mutable_spec());
  auto& wire = *out.mutable_status();
  wire.set_phase(static_cast<api::WorkloadStatus::Phase>(status.phase));
  wire.set_replicas_wanted(status.replicas_wanted);
  wire.set_ready_replicas(status.ready_replicas);
  wire.set_updated_replicas(status.updated_replicas);
  wire.set_version(status.version);
  wire.set_reason(valid_utf8(status.reason));
  for (const auto& replica : status.replicas)
    *wire.add_replicas() = to_api(*replica, workload.serving_version);
  set_time(workload.created_at, [&] { return out.mutable_created_at(); });
  set_time(workload.updated_at, [&] { return out.mutable_updated_at(); });
  out.set_store_revision(store_revision);
  return out;
}

namespace {

std::string reason_of(const Node& node) {
  return node.reason.empty() ? trouble_of(node) : node.reason;
}

void write(const NodePolicy& policy, api::NodePolicy& out) {
  for (const auto& allowed : policy.host_paths) {
    auto& path = *out.add_host_paths();
    path.set_path(allowed.path);
    path.set_writable(allowed.writable);
  }
  out.set_host_network(policy.host_network);
  out.set_privileged(policy.privileged);
  out.set_host_pid(policy.host_pid);
  out.set_host_ipc(policy.host_ipc);
}

}  // namespace

api::Node to_api(const Node& node, const Resources& reserved, std::uint32_t replicas,
                 const std::optional<DrainStatus>& drain, Revision store_revision) {
  const auto& description = node.description;
  api::Node out;
  out.set_id(description.id.value);
  out.set_revision(node.revision);
  out.set_state(static_cast<api::Node::State>(node.state));
  out.set_cordoned(node.cordoned);
  write_labels(node.labels, *out.mutable_labels());
  for (const auto& taint : node.taints) write(taint, *out.add_taints());
  out.set_region(description.region);
  out.set_zone(description.zone);
  out.set_cost_milli(description.cost_milli);
  write(description.capacity, *out.mutable_capacity());
  write(description.allocatable, *out.mutable_allocatable());
  write(reserved, *out.mutable_reserved());
  out.set_replicas(replicas);
  out.set_agent_address(description.agent_address);
  out.set_agent_version(description.agent_version);
  out.set_reason(valid_utf8(reason_of(node)));
  set_time(node.registered_at, [&] { return out.mutable_registered_at(); });
  out.set_architecture(description.architecture);
  out.set_store_revision(store_revision);
  out.set_draining(node.draining);
  for (const auto& name : description.runtime_classes) out.add_runtime_classes(name);
  if (description.policy) write(*description.policy, *out.mutable_policy());
  out.set_cpu_overcommit_percent(description.cpu_overcommit_percent);
  out.set_memory_overcommit_percent(description.memory_overcommit_percent);
  out.set_link_rtt_ms(node.link_rtt_ms);
  out.set_recent_losses(node.recent_losses);
  if (!drain) return out;
  auto& wire = *out.mutable_drain();
  wire.set_replicas_left(drain->replicas_left);
  for (const auto& left : drain->left) {
    auto& item = *wire.add_left();
    item.set_replica_id(left.replica.value);
    item.set_namespace_(left.ns);
    item.set_workload(left.workload);
    item.set_waiting_for(valid_utf8(left.waiting_for));
  }
  return out;
}

api::Rollout to_api(const Rollout& rollout, const Workload& workload, const RolloutStatus& status,
                    WallMillis wall, Revision store_revision) {
  api::Rollout out;
  out.set_namespace_(workload.ns);
  out.set_name(workload.name);
  out.set_number(rollout.number);
  out.set_cause(static_cast<api::Rollout::Cause>(rollout.cause));
  out.set_from_version(rollout.from_version);
  out.set_to_version(rollout.to_version);
  out.set_phase(static_cast<api::Rollout::Phase>(status.phase));
  out.set_strategy(static_cast<api::RolloutPolicy::Strategy>(workload.spec.rollout.strategy));
  out.set_wanted(status.wanted);
  out.set_updated(status.updated);
  out.set_ready(status.ready);
  out.set_available(status.available);
  out.set_unavailable(status.unavailable);
  out.set_min_available(status.min_available);
  out.set_waiting_for(valid_utf8(status.waiting_for));
  out.set_reason(valid_utf8(rollout.reason));
  for (const auto& note : status.notes) out.add_notes(valid_utf8(note));
  out.set_by(valid_utf8(rollout.by));
  set_time(rollout.created_at, [&] { return out.mutable_created_at(); });
  set_time(rollout.ended_at, [&] { return out.mutable_ended_at(); });
  if (status.deadline_in) set_time(wall + *status.deadline_in, [&] { return out.mutable_deadline(); });
  out.set_awaits_promotion(status.awaits_promotion);
  out.set_workload_revision(workload.revision);
  out.set_store_revision(store_revision);
  return out;
}

api::WorkloadVersion to_api(const Version& version, const Workload& workload, std::uint32_t replicas) {
  api::WorkloadVersion out;
  out.set_number(version.number);
  set_time(version.created_at, [&] { return out.mutable_created_at(); });
  out.set_image(version.pod.image);
  out.set_image_digest(version.image_digest);
  out.set_proven(version.proven);
  out.set_current(version.number == workload.version);
  out.set_serving(workload.serving_version == 0 || workload.serving_version == version.number);
  out.set_replicas(replicas);
  write(version.pod, *out.mutable_spec());
  return out;
}

api::Event to_api(const Event& event) {
  api::Event out;
  out.set_revision(event.revision);
  set_time(event.time, [&] { return out.mutable_time(); });
  out.set_severity(static_cast<api::Event::Severity>(event.severity));
  out.set_kind(event.kind);
  out.set_namespace_(event.ns);
  out.set_workload(event.workload);
  out.set_replica(event.replica.value);
  out.set_node(event.node.value);
  out.set_message(valid_utf8(event.message));
  return out;
}

api::LogLine to_api(const LogLine& line, const ReplicaId& replica) {
  constexpr std::int64_t kNanos = 1'000'000'000;
  api::LogLine out;
  out.mutable_time()->set_seconds(line.time_nanos / kNanos);
  out.mutable_time()->set_nanos(static_cast<std::int32_t>(line.time_nanos % kNanos));
  out.set_stream(line.is_stderr ? "stderr" : "stdout");
  out.set_line(line.line);
  out.set_partial(line.partial);
  out.set_replica_id(replica.value);
  out.set_container_id(line.container.value);
  out.set_dropped_before(line.dropped_before);
  out.set_drop_reason(static_cast<api::DropReason>(line.drop_reason));
  return out;
}

api::ExecCommandReply to_api(const ExecResult& result) {
  api::ExecCommandReply out;
  out.set_stdout(result.stdout_data);
  out.set_stderr(result.stderr_data);
  out.set_exit_code(result.exit_code);
  out.set_timed_out(result.timed_out);
  out.set_truncated(result.truncated);
  return out;
}

api::GetContainerStatusReply to_api(const ReplicaReport& report, std::uint32_t pid) {
  api::GetContainerStatusReply out;
  out.set_container_id(report.container.value);
  out.set_replica_id(report.replica.value);
  out.set_state(static_cast<api::Replica::State>(report.phase));
  out.set_pid(pid);
  out.set_attempt(report.attempt);
  if (report.exit_code) out.set_exit_code(*report.exit_code);
  out.set_address(report.address);
  out.set_reason(valid_utf8(report.reason));
  set_time(report.started_at, [&] { return out.mutable_started_at(); });
  return out;
}

}  // namespace cloudless::codec
