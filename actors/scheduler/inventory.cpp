#include "actors/scheduler/inventory.hpp"

namespace cloudless::scheduler {

namespace {

/// What the replica was made from; null if nothing is known of it.
const Template* template_of(const Snapshot& view, const Replica& replica) {
  if (const auto version = view.version(replica.workload, replica.version)) return &version->pod;
  if (const auto workload = view.workload(replica.workload)) return &workload->spec.pod;
  return nullptr;
}

}  // namespace

Resources requests_of(const Snapshot& view, const Replica& replica) {
  const Template* pod = template_of(view, replica);
  return pod != nullptr ? pod->requests : Resources{};
}

std::vector<HostPort> host_ports_of(const Snapshot& view, const Replica& replica) {
  std::vector<HostPort> out;
  const Template* pod = template_of(view, replica);
  if (pod == nullptr) return out;
  for (const auto& port : pod->ports) {
    if (pod->host_network)
      out.emplace_back(port.protocol, port.container_port);
    else if (port.host_port.value_or(0) != 0)
      out.emplace_back(port.protocol, *port.host_port);
  }
  return out;
}

void Inventory::load(const Snapshot& view) {
  nodes_.clear();
  held_.clear();
  pending_.clear();
  view.nodes().for_each(
      [&](const NodeId& id, const std::shared_ptr<const Node>& node) { nodes_[id].node = node; });
  view.replicas().for_each(
      [&](const ReplicaSlot&, const std::shared_ptr<const Replica>& r) { put(r, view); });
}

void Inventory::apply(const Commit& commit, const Snapshot& after) {
  for (const auto& change : commit.changes) {
    if (change.key.kind == RecordKind::replica) {
      if (const auto slot = slot_of(ReplicaId{change.key.id})) drop(*slot);
      if (change.record) put(std::get<std::shared_ptr<const Replica>>(*change.record), after);
    } else if (change.key.kind == RecordKind::node) {
      const NodeId id{change.key.id};
      nodes_[id].node = change.record ? std::get<std::shared_ptr<const Node>>(*change.record) : nullptr;
      drop_empty(id);
    }
  }
}

void Inventory::put(const std::shared_ptr<const Replica>& replica, const Snapshot& view) {
  if (is_terminal(replica->phase)) return;
  const ReplicaSlot slot{replica->workload, replica->ordinal};
  if (replica->node.empty()) {
    if (replica->phase == Phase::pending && !replica->stop_requested()) pending_[slot] = replica;
    return;
  }
  Held held{replica->node, requests_of(view, *replica), host_ports_of(view, *replica),
            !replica->stop_requested()};
  auto& room = nodes_[replica->node];
  room.reserved += held.requests;
  for (const auto& port : held.host_ports) ++room.host_ports[port];
  if (held.counted) ++room.replicas[slot.workload];
  held_[slot] = std::move(held);
}

void Inventory::drop(const ReplicaSlot& slot) {
  pending_.erase(slot);
  const auto found = held_.find(slot);
  if (found == held_.end()) return;
  const Held held = found->second;
  held_.erase(found);
  auto& room = nodes_[held.node];
  room.reserved -= held.requests;
  for (const auto& port : held.host_ports)
    if (--room.host_ports[port] == 0) room.host_ports.erase(port);
  if (held.counted && --room.replicas[slot.workload] == 0) room.replicas.erase(slot.workload);
  drop_empty(held.node);
}

void Inventory::drop_empty(const NodeId& id) {
  const auto found = nodes_.find(id);
  if (found != nodes_.end() && !found->second.node && found->second.replicas.empty() &&
      found->second.reserved == Resources{})
    nodes_.erase(found);
}

}  // namespace cloudless::scheduler
