// What the store keeps, one record at a time; and events.
#include <algorithm>
#include <cassert>

#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/spec_message.hpp"
#include "messages/codec/wire.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::codec {

namespace {

constexpr std::uint32_t kMaxEventLimit = 1000;
constexpr std::size_t kMaxClusterId = 64;
constexpr int kMaxPublishedPorts = 64;
constexpr std::uint32_t kMostOvercommit = 1000;

std::uint32_t overcommit_of(std::uint32_t wire) {
  return wire == 0 ? 100 : std::clamp<std::uint32_t>(wire, 100, kMostOvercommit);
}

}  // namespace

void write(const Workload& workload, record::Workload& out) {
  out.set_uid(workload.uid.value);
  out.set_namespace_(workload.ns);
  out.set_name(workload.name);
  out.set_revision(workload.revision);
  out.set_version(workload.version);
  write(workload.spec, *out.mutable_spec());
  out.set_created_at_ms(workload.created_at);
  out.set_updated_at_ms(workload.updated_at);
  out.set_next_ordinal(workload.next_ordinal);
  out.set_deleted(workload.deleted);
  out.set_latest_version(workload.latest_version);
  out.set_rollout(workload.rollout);
  out.set_serving_version(workload.serving_version);
}

bool read(const record::Workload& wire, Workload& out) {
  out.revision = wire.revision();
  out.version = wire.version();
  out.next_ordinal = wire.next_ordinal();
  out.deleted = wire.deleted();
  out.latest_version = std::max(wire.latest_version(), wire.version());
  out.rollout = wire.rollout();
  out.serving_version = wire.serving_version();
  return read_uid(wire.uid(), out.uid) && read_name(wire.namespace_(), out.ns) &&
         read_name(wire.name(), out.name) && read(wire.spec(), out.spec) &&
         read_millis(wire.created_at_ms(), out.created_at) &&
         read_millis(wire.updated_at_ms(), out.updated_at);
}

static void write(const Version& version, record::Version& out) {
  out.set_workload(version.workload.value);
  out.set_number(version.number);
  write(version.pod, *out.mutable_pod());
  out.set_image_digest(version.image_digest);
  out.set_proven(version.proven);
  out.set_created_at_ms(version.created_at);
}

static bool read(const record::Version& wire, Version& out) {
  out.number = wire.number();
  out.proven = wire.proven();
  return read_uid(wire.workload(), out.workload) && read(wire.pod(), out.pod) &&
         read_optional_digest(wire.image_digest(), out.image_digest) &&
         read_millis(wire.created_at_ms(), out.created_at);
}

void write(const std::vector<PublishedPort>& ports,
           google::protobuf::RepeatedPtrField<record::PublishedPort>& out) {
  for (const auto& port : ports) {
    auto& wire = *out.Add();
    wire.set_name(port.name);
    wire.set_udp(port.protocol == Protocol::udp);
    wire.set_container_port(port.container_port);
    wire.set_host_port(port.host_port);
  }
}

bool read(const google::protobuf::RepeatedPtrField<record::PublishedPort>& wire,
          std::vector<PublishedPort>& out) {
  constexpr std::uint32_t kMaxPort = 65535;
  if (wire.size() > kMaxPublishedPorts) return false;
  for (const auto& port : wire) {
    if (port.container_port() < 1 || port.container_port() > kMaxPort || port.host_port() < 1 ||
        port.host_port() > kMaxPort)
      return false;
    out.push_back({port.name(), port.udp() ? Protocol::udp : Protocol::tcp,
                   static_cast<std::uint16_t>(port.container_port()),
                   static_cast<std::uint16_t>(port.host_port())});
  }
  return true;
}

static void write(const Replica& replica, record::Replica& out) {
  out.set_id(replica.id.value);
  out.set_workload(replica.workload.value);
  out.set_ordinal(replica.ordinal);
  out.set_version(replica.version);
  out.set_phase(static_cast<record::Phase>(replica.phase));
  out.set_attempt(replica.attempt);
  out.set_node(replica.node.value);
  out.set_node_incarnation(replica.node_incarnation);
  out.set_report_sequence(replica.report_sequence);
  out.set_stop(static_cast<record::StopCause>(replica.stop));
  out.set_ready(replica.ready);
  out.set_serving(replica.serving);
  out.set_container(replica.container.value);
  out.set_address(replica.address);
  if (replica.exit_code) out.set_exit_code(*replica.exit_code);
  out.set_reason(replica.reason);
  out.set_created_at_ms(replica.created_at);
  out.set_started_at_ms(replica.started_at);
  write(replica.published_ports, *out.mutable_published_ports());
  out.set_image_digest(replica.image_digest);
  write(replica.probes, *out.mutable_probes());
  out.set_last_end(replica.last_end);
  out.set_was_ready(replica.was_ready);
  out.set_withdrawn(static_cast<record::StopCause>(replica.withdrawn));
  out.set_running_at(replica.running_at);
  out.set_ready_at(replica.ready_at);
  out.set_first_ready_at(replica.first_ready_at);
  out.set_withdrawn_at(replica.withdrawn_at);
  out.set_ended_at(replica.ended_at);
  for (const auto gpu : replica.gpus) out.add_gpus(gpu);
  out.set_preempted_for(replica.preempted_for->value);
  out.set_evict(static_cast<record::StopCause>(replica.evict));
}

static bool read(const record::Replica& wire, Replica& out) {
  out.ordinal = wire.ordinal();
  out.version = wire.version();
  out.attempt = wire.attempt();
  out.node_incarnation = wire.node_incarnation();
  out.report_sequence = wire.report_sequence();
  out.ready = wire.ready();
  out.serving = wire.serving();
  out.address = wire.address();
  if (wire.has_exit_code()) out.exit_code = wire.exit_code();
  out.reason = wire.reason();
  out.last_end = wire.last_end();
  out.was_ready = wire.was_ready();
  if (!wire.probes().empty() && !read(wire.probes(), out.probes.edit())) return false;
  if (!read_replica_id(wire.id(), out.id) || !read_uid(wire.workload(), out.workload)) return false;
  // Snapshots find replicas by what is inside their ids.
  if (slot_of(out.id) != ReplicaSlot{out.workload, out.ordinal}) return false;
  return read_enum(wire.phase(), Phase::pending, Phase::lost, out.phase) &&
         read_enum(wire.stop(), StopCause::none, StopCause::rebalance, out.stop) &&
         read_enum(wire.withdrawn(), StopCause::none, StopCause::rebalance, out.withdrawn) &&
         read_enum(wire.evict(), StopCause::none, StopCause::rebalance, out.evict) &&
         (wire.gpus().empty() || read_gpus(wire.gpus(), out.gpus.edit())) &&
         (wire.preempted_for().empty() || read_replica_id(wire.preempted_for(), out.preempted_for.edit())) &&
         read_millis(wire.ended_at(), out.ended_at) && read_millis(wire.running_at(), out.running_at) &&
         read_millis(wire.ready_at(), out.ready_at) &&
         read_millis(wire.first_ready_at(), out.first_ready_at) &&
         read_millis(wire.withdrawn_at(), out.withdrawn_at) && read_optional_node_id(wire.node(), out.node) &&
         read_optional_container_id(wire.container(), out.container) &&
         read_millis(wire.created_at_ms(), out.created_at) &&
         read_millis(wire.started_at_ms(), out.started_at) &&
         (wire.published_ports().empty() || read(wire.published_ports(), out.published_ports.edit())) &&
         read_optional_digest(wire.image_digest(), out.image_digest);
}

template <class Wire>
static bool read_taints(const Wire& wire, std::vector<Taint>& out) {
  for (const auto& taint : wire) {
    if (!read(taint, out.emplace_back())) return false;
  }
  return true;
}

void write(const NodeDescription& description, record::NodeDescription& out) {
  out.set_id(description.id.value);
  out.set_machine_uid(description.machine_uid);
  out.set_region(description.region);
  out.set_zone(description.zone);
  write_labels(description.labels, *out.mutable_labels());
  for (const auto& taint : description.taints) write(taint, *out.add_taints());
  out.set_cost_milli(description.cost_milli);
  write(description.capacity, *out.mutable_capacity());
  write(description.allocatable, *out.mutable_allocatable());
  out.set_agent_address(description.agent_address);
  out.set_agent_version(description.agent_version);
  out.set_architecture(description.architecture);
  for (const auto& name : description.runtime_classes) out.add_runtime_classes(name);
  if (description.policy) {
    auto& policy = *out.mutable_policy();
    for (const auto& allowed : description.policy->host_paths) {
      auto& wire = *policy.add_host_paths();
      wire.set_path(allowed.path);
      wire.set_writable(allowed.writable);
    }
    policy.set_host_network(description.policy->host_network);
    policy.set_privileged(description.policy->privileged);
    policy.set_host_pid(description.policy->host_pid);
    policy.set_host_ipc(description.policy->host_ipc);
  }
  out.set_cpu_overcommit_percent(description.cpu_overcommit_percent);
  out.set_memory_overcommit_percent(description.memory_overcommit_percent);
}

bool read(const record::NodeDescription& wire, NodeDescription& out) {
  out.machine_uid = wire.machine_uid();
  out.region = wire.region();
  out.zone = wire.zone();
  read_labels(wire.labels(), out.labels);
  out.cost_milli = wire.cost_milli();
  out.agent_address = wire.agent_address();
  out.agent_version = wire.agent_version();
  out.architecture = wire.architecture();
  out.runtime_classes.assign(wire.runtime_classes().begin(), wire.runtime_classes().end());
  if (wire.has_policy()) {
    auto& policy = out.policy.emplace();
    for (const auto& allowed : wire.policy().host_paths())
      policy.host_paths.push_back({allowed.path(), allowed.writable()});
    policy.host_network = wire.policy().host_network();
    policy.privileged = wire.policy().privileged();
    policy.host_pid = wire.policy().host_pid();
    policy.host_ipc = wire.policy().host_ipc();
  }
  out.cpu_overcommit_percent = overcommit_of(wire.cpu_overcommit_percent());
  out.memory_overcommit_percent = overcommit_of(wire.memory_overcommit_percent());
  return read_node_id(wire.id(), out.id) && read_taints(wire.taints(), out.taints) &&
         read(wire.capacity(), out.capacity) && read(wire.allocatable(), out.allocatable);
}

void write(const Node& node, record::Node& out) {
  write(node.description, *out.mutable_description());
  out.set_revision(node.revision);
  out.set_schedulable_revision(node.schedulable_revision);
  out.set_incarnation(node.incarnation);
  out.set_boot_id(node.boot_id);
  out.set_state(static_cast<record::NodeState>(node.state));
  out.set_cordoned(node.cordoned);
  write_labels(node.labels, *out.mutable_labels());
  for (const auto& taint : node.taints) write(taint, *out.add_taints());
  write_labels(node.set_labels, *out.mutable_set_labels());
  for (const auto& key : node.removed_labels) out.add_removed_labels(key);
  for (const auto& taint : node.set_taints) write(taint, *out.add_set_taints());
  for (const auto& key : node.removed_taints) out.add_removed_taints(key);
  out.set_reason(node.reason);
  out.set_registered_at_ms(node.registered_at);
  out.set_draining(node.draining);
  out.set_ordinal(node.ordinal);
  out.set_recent_losses(node.recent_losses);
  out.set_last_lost_at_ms(node.last_lost_at);
  out.set_link_rtt_ms(node.link_rtt_ms);
  for (const auto& [key, since] : node.no_execute_since) (*out.mutable_no_execute_since())[key] = since;
}

bool read(const record::Node& wire, Node& out) {
  out.revision = wire.revision();
  out.schedulable_revision = wire.schedulable_revision();
  out.incarnation = wire.incarnation();
  out.boot_id = wire.boot_id();
  out.cordoned = wire.cordoned();
  out.draining = wire.draining();
  out.ordinal = wire.ordinal();
  out.recent_losses = wire.recent_losses();
  out.link_rtt_ms = wire.link_rtt_ms();
  for (const auto& [key, since] : wire.no_execute_since())
    if (!read_millis(since, out.no_execute_since[key])) return false;
  read_labels(wire.labels(), out.labels);
  read_labels(wire.set_labels(), out.set_labels);
  out.removed_labels.assign(wire.removed_labels().begin(), wire.removed_labels().end());
  out.removed_taints.assign(wire.removed_taints().begin(), wire.removed_taints().end());
  out.reason = wire.reason();
  return read(wire.description(), out.description) &&
         read_enum(wire.state(), NodeState::ready, NodeState::offline, out.state) &&
         read_taints(wire.taints(), out.taints) && read_taints(wire.set_taints(), out.set_taints) &&
         read_millis(wire.last_lost_at_ms(), out.last_lost_at) &&
         read_millis(wire.registered_at_ms(), out.registered_at);
}

void write(const Event& event, record::Event& out) {
  out.set_revision(event.revision);
  out.set_time_ms(event.time);
  out.set_severity(static_cast<record::Severity>(event.severity));
  out.set_kind(event.kind);
  out.set_namespace_(event.ns);
  out.set_workload(event.workload);
  out.set_replica(event.replica.value);
  out.set_node(event.node.value);
  out.set_message(event.message);
}

bool read(const record::Event& wire, Event& out) {
  out.revision = wire.revision();
  out.kind = wire.kind();
  out.ns = wire.namespace_();
  out.workload = wire.workload();
  out.message = wire.message();
  return !out.kind.empty() && read_millis(wire.time_ms(), out.time) &&
         read_enum(wire.severity(), Severity::info, Severity::warning, out.severity) &&
         read_optional_replica_id(wire.replica(), out.replica) &&
         read_optional_node_id(wire.node(), out.node);
}

static void write(const ClusterMeta& meta, record::ClusterMeta& out) {
  out.set_cluster_id(meta.cluster_id);
}

static bool read(const record::ClusterMeta& wire, ClusterMeta& out) {
  out.cluster_id = wire.cluster_id();
  return !out.cluster_id.empty() && out.cluster_id.size() <= kMaxClusterId;
}

static void write(const IdempotencyRow& row, record::IdempotencyRow& out) {
  out.set_principal(row.principal);
  out.set_method(row.method);
  out.set_namespace_(row.ns);
  out.set_key(row.key);
  out.set_request_hash(row.request_hash);
  out.set_reply(row.reply);
  out.set_expires_at_ms(row.expires_at);
}

static bool read(const record::IdempotencyRow& wire, IdempotencyRow& out) {
  out.principal = wire.principal();
  out.method = wire.method();
  out.ns = wire.namespace_();
  out.key = wire.key();
  out.request_hash = wire.request_hash();
  out.reply = wire.reply();
  return !out.key.empty() && read_millis(wire.expires_at_ms(), out.expires_at);
}

namespace {

template <class Wire, class Value>
bool decode_record(std::string_view bytes, Record& out) {
  Wire wire;
  auto value = std::make_shared<Value>();
  if (!from_bytes(bytes, kMaxRecordBytes, wire) || !codec::read(wire, *value)) return false;
  out = std::shared_ptr<const Value>(std::move(value));
  return true;
}

template <class Wire, class Value>
std::string encode_record(const Value& value) {
  Wire wire;
  codec::write(value, wire);
  return to_bytes(wire);
}

struct RecordEncoder {
  std::string operator()(const std::shared_ptr<const ClusterMeta>& v) const {
    return encode_record<record::ClusterMeta>(*v);
  }
  std::string operator()(const std::shared_ptr<const Workload>& v) const {
    return encode_record<record::Workload>(*v);
  }
  std::string operator()(const std::shared_ptr<const Version>& v) const {
    return encode_record<record::Version>(*v);
  }
  std::string operator()(const std::shared_ptr<const Replica>& v) const {
    return encode_record<record::Replica>(*v);
  }
  std::string operator()(const std::shared_ptr<const Node>& v) const {
    return encode_record<record::Node>(*v);
  }
  std::string operator()(const std::shared_ptr<const Event>& v) const {
    return encode_record<record::Event>(*v);
  }
  std::string operator()(const std::shared_ptr<const IdempotencyRow>& v) const {
    return encode_record<record::IdempotencyRow>(*v);
  }
  std::string operator()(const std::shared_ptr<const Secret>& v) const {
    return encode_record<record::Secret>(*v);
  }
  std::string operator()(const std::shared_ptr<const Rollout>& v) const {
    return encode_record<record::Rollout>(*v);
  }
};

}  // namespace

std::string encode(const Record& value) {
  assert(std::visit([](const auto& pointer) { return pointer != nullptr; }, value));
  return std::visit(RecordEncoder{}, value);
}

bool decode(RecordKind kind, std::string_view bytes, Record& value) {
  switch (kind) {
    case RecordKind::cluster_meta:
      return decode_record<record::ClusterMeta, ClusterMeta>(bytes, value);
    case RecordKind::workload:
      return decode_record<record::Workload, Workload>(bytes, value);
    case RecordKind::version:
      return decode_record<record::Version, Version>(bytes, value);
    case RecordKind::replica:
      return decode_record<record::Replica, Replica>(bytes, value);
    case RecordKind::node:
      return decode_record<record::Node, Node>(bytes, value);
    case RecordKind::event:
      return decode_record<record::Event, Event>(bytes, value);
    case RecordKind::idempotency:
      return decode_record<record::IdempotencyRow, IdempotencyRow>(bytes, value);
    case RecordKind::secret:
      return decode_record<record::Secret, Secret>(bytes, value);
    case RecordKind::rollout:
      return decode_record<record::Rollout, Rollout>(bytes, value);
  }
  return false;
}

std::string encode(const EventQuery& value) {
  record::EventQuery wire;
  wire.set_namespace_(value.ns);
  wire.set_workload(value.workload);
  wire.set_node(value.node.value);
  wire.set_after_revision(value.after_revision);
  wire.set_limit(value.limit);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, EventQuery& value) {
  record::EventQuery wire;
  if (!from_bytes(bytes, kMaxFrameBytes, wire) || wire.limit() == 0 || wire.limit() > kMaxEventLimit)
    return false;
  value = {};
  value.ns = wire.namespace_();
  value.workload = wire.workload();
  value.after_revision = wire.after_revision();
  value.limit = wire.limit();
  return read_optional_node_id(wire.node(), value.node);
}

std::string encode(const EventList& value) {
  record::EventList wire;
  for (const auto& event : value.events) write(event, *wire.add_events());
  return to_bytes(wire);
}

bool decode(std::string_view bytes, EventList& value) {
  record::EventList wire;
  value = {};
  if (!from_bytes(bytes, kMaxBatchBytes, wire) || wire.events_size() > static_cast<int>(kMaxEventLimit))
    return false;
  for (const auto& event : wire.events()) {
    if (!read(event, value.events.emplace_back())) return false;
  }
  return true;
}

}  // namespace cloudless::codec
