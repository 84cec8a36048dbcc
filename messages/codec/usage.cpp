// What nodes use, as an agent sends it to whoever asked.
#include "cloudless/record/usage.pb.h"
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxUsageBytes = 8 << 20;

void write_usage(const ReplicaUsage& usage, record::ReplicaUsage& out) {
  out.set_container(usage.now.container.value);
  out.set_replica(usage.now.replica.value);
  out.set_cpu_nanos(usage.now.total.cpu_nanos);
  out.set_network_received_bytes(usage.now.total.network_received_bytes);
  out.set_network_sent_bytes(usage.now.total.network_sent_bytes);
  out.set_disk_read_bytes(usage.now.total.disk_read_bytes);
  out.set_disk_written_bytes(usage.now.total.disk_written_bytes);
  out.set_memory_bytes(usage.now.memory_bytes);
  out.set_processes(usage.now.processes);
  out.set_cpu_millicores(usage.rate.cpu_millicores);
  out.set_network_received_bps(usage.rate.network_received_bps);
  out.set_network_sent_bps(usage.rate.network_sent_bps);
  out.set_disk_read_bps(usage.rate.disk_read_bps);
  out.set_disk_written_bps(usage.rate.disk_written_bps);
  out.set_window_ms(usage.window);
  out.set_namespace_(usage.now.ns);
}

bool read_usage(const record::ReplicaUsage& wire, ReplicaUsage& out) {
  out.now.total = {wire.cpu_nanos(), wire.network_received_bytes(), wire.network_sent_bytes(),
                   wire.disk_read_bytes(), wire.disk_written_bytes()};
  out.now.memory_bytes = wire.memory_bytes();
  out.now.processes = wire.processes();
  out.now.ns = wire.namespace_();
  out.rate = {wire.cpu_millicores(), wire.network_received_bps(), wire.network_sent_bps(),
              wire.disk_read_bps(), wire.disk_written_bps()};
  return read_optional_container_id(wire.container(), out.now.container) && !out.now.container.empty() &&
         read_replica_id(wire.replica(), out.now.replica) && read_millis(wire.window_ms(), out.window);
}

}  // namespace

std::string encode(const NodeUsage& value) {
  record::NodeUsage wire;
  wire.set_node(value.node.value);
  wire.set_sampled_at_ms(value.sampled_at);
  for (const auto& usage : value.replicas) write_usage(usage, *wire.add_replicas());
  return to_bytes(wire);
}

bool decode(std::string_view bytes, NodeUsage& value) {
  record::NodeUsage wire;
  if (!from_bytes(bytes, kMaxUsageBytes, wire)) return false;
  value = {};
  value.sampled_at = wire.sampled_at_ms();
  for (const auto& usage : wire.replicas())
    if (!read_usage(usage, value.replicas.emplace_back())) return false;
  return read_optional_node_id(wire.node(), value.node) && !value.node.empty();
}

}  // namespace cloudless::codec
