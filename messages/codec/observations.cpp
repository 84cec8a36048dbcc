// Agents' reports and their acknowledgements.
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

constexpr int kMaxReports = 100;

void write_report(const ReplicaReport& report, record::ReplicaReport& out) {
  out.set_replica(report.replica.value);
  out.set_sequence(report.sequence);
  out.set_attempt(report.attempt);
  out.set_phase(static_cast<record::Phase>(report.phase));
  out.set_ready(report.ready);
  out.set_container(report.container.value);
  out.set_address(report.address);
  if (report.exit_code) out.set_exit_code(*report.exit_code);
  out.set_reason(report.reason);
  out.set_started_at_ms(report.started_at);
  write(report.published_ports, *out.mutable_published_ports());
  out.set_image_digest(report.image_digest);
  write(report.probes, *out.mutable_probes());
  out.set_last_end(report.last_end);
  out.set_undecided(report.undecided);
}

bool read_report(const record::ReplicaReport& wire, ReplicaReport& out) {
  out.sequence = wire.sequence();
  out.attempt = wire.attempt();
  out.ready = wire.ready();
  out.address = wire.address();
  if (wire.has_exit_code()) out.exit_code = wire.exit_code();
  out.reason = wire.reason();
  out.last_end = wire.last_end();
  out.undecided = wire.undecided();
  return read_replica_id(wire.replica(), out.replica) && read(wire.probes(), out.probes) &&
         read_enum(wire.phase(), Phase::pending, Phase::lost, out.phase) &&
         read_optional_container_id(wire.container(), out.container) &&
         read_millis(wire.started_at_ms(), out.started_at) &&
         read(wire.published_ports(), out.published_ports) &&
         read_optional_digest(wire.image_digest(), out.image_digest);
}

}  // namespace

void write(const NodeReport& report, record::NodeReport& out) {
  out.set_node(report.node.value);
  out.set_incarnation(report.incarnation);
  for (const auto& replica : report.replicas) write_report(replica, *out.add_replicas());
}

bool read(const record::NodeReport& wire, NodeReport& out) {
  out = {};
  out.incarnation = wire.incarnation();
  if (wire.replicas_size() > kMaxReports) return false;
  for (const auto& replica : wire.replicas()) {
    if (!read_report(replica, out.replicas.emplace_back())) return false;
  }
  return read_node_id(wire.node(), out.node);
}

void write(const ReportAck& ack, record::ReportAck& out) {
  out.set_incarnation(ack.incarnation);
  out.set_revision(ack.revision);
  for (const auto& item : ack.items) {
    auto& wire = *out.add_items();
    wire.set_replica(item.replica.value);
    wire.set_sequence(item.sequence);
  }
}

bool read(const record::ReportAck& wire, ReportAck& out) {
  out = {};
  out.incarnation = wire.incarnation();
  out.revision = wire.revision();
  if (wire.items_size() > kMaxReports) return false;
  for (const auto& item : wire.items()) {
    auto& read = out.items.emplace_back();
    read.sequence = item.sequence();
    if (!read_replica_id(item.replica(), read.replica)) return false;
  }
  return true;
}

std::string encode(const NodeReport& value) {
  record::NodeReport wire;
  write(value, wire);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, NodeReport& value) {
  record::NodeReport wire;
  return from_bytes(bytes, kMaxFrameBytes, wire) && read(wire, value);
}

std::string encode(const ReportAck& value) {
  record::ReportAck wire;
  write(value, wire);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, ReportAck& value) {
  record::ReportAck wire;
  return from_bytes(bytes, kMaxFrameBytes, wire) && read(wire, value);
}

}  // namespace cloudless::codec
