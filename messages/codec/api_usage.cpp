#include "messages/codec/api_usage.hpp"

namespace cloudless::codec {

api::ReplicaUsage to_api(const ReplicaUsage& usage, const NodeId& node, WallMillis sampled_at) {
  api::ReplicaUsage out;
  out.set_replica_id(usage.now.replica.value);
  out.set_container_id(usage.now.container.value);
  out.set_node_id(node.value);
  out.set_namespace_(usage.now.ns);
  out.set_window_ms(static_cast<std::uint64_t>(usage.window));
  out.mutable_sampled_at()->set_seconds(sampled_at / 1000);
  out.mutable_sampled_at()->set_nanos(static_cast<std::int32_t>(sampled_at % 1000 * 1'000'000));
  auto& to = *out.mutable_usage();
  to.set_cpu_millicores(usage.rate.cpu_millicores);
  to.set_memory_bytes(usage.now.memory_bytes);
  to.set_processes(usage.now.processes);
  to.set_network_received_bps(usage.rate.network_received_bps);
  to.set_network_sent_bps(usage.rate.network_sent_bps);
  to.set_disk_read_bps(usage.rate.disk_read_bps);
  to.set_disk_written_bps(usage.rate.disk_written_bps);
  to.set_cpu_nanos(usage.now.total.cpu_nanos);
  to.set_network_received_bytes(usage.now.total.network_received_bytes);
  to.set_network_sent_bytes(usage.now.total.network_sent_bytes);
  to.set_disk_read_bytes(usage.now.total.disk_read_bytes);
  to.set_disk_written_bytes(usage.now.total.disk_written_bytes);
  return out;
}

void add(const api::Usage& one, api::Usage& sum) {
  sum.set_cpu_millicores(sum.cpu_millicores() + one.cpu_millicores());
  sum.set_memory_bytes(sum.memory_bytes() + one.memory_bytes());
  sum.set_processes(sum.processes() + one.processes());
  sum.set_network_received_bps(sum.network_received_bps() + one.network_received_bps());
  sum.set_network_sent_bps(sum.network_sent_bps() + one.network_sent_bps());
  sum.set_disk_read_bps(sum.disk_read_bps() + one.disk_read_bps());
  sum.set_disk_written_bps(sum.disk_written_bps() + one.disk_written_bps());
  sum.set_cpu_nanos(sum.cpu_nanos() + one.cpu_nanos());
  sum.set_network_received_bytes(sum.network_received_bytes() + one.network_received_bytes());
  sum.set_network_sent_bytes(sum.network_sent_bytes() + one.network_sent_bytes());
  sum.set_disk_read_bytes(sum.disk_read_bytes() + one.disk_read_bytes());
  sum.set_disk_written_bytes(sum.disk_written_bytes() + one.disk_written_bytes());
}

}  // namespace cloudless::codec
