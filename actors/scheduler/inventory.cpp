#include "actors/scheduler/inventory.hpp"

namespace cloudless::scheduler {

Resources requests_of(const Snapshot& view, const Replica& replica) {
  if (const auto version = view.version(replica.workload, replica.version)) return version->pod.requests;
  if (const auto workload = view.workload(replica.workload)) return workload->spec.pod.requests;
  return {};
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
  Held held{replica->node, requests_of(view, *replica), !replica->stop_requested()};
  auto& room = nodes_[replica->node];
  room.reserved += held.requests;
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
