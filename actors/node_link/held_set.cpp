#include "actors/node_link/held_set.hpp"

#include <tuple>

#include "actors/node_link/image_pin.hpp"

namespace cloudless::node_link {
namespace {

Assignment common_part(const Snapshot& snapshot, const Workload& workload, const Version& version,
                       const OpenSecret& open) {
  return {{},
          workload.uid,
          workload.ns,
          workload.name,
          version.number,
          version.pod,
          StopCause::none,
          workload.spec.limits,
          image_pin(snapshot, version),
          pull_access(snapshot, workload.ns, version.pod, open),
          {}};
}

ReplicaId id_of(const HeldAssignment& held) {
  return replica_id(held.common->workload_name, held.common->workload, held.ordinal);
}

Assignment assignment(const HeldAssignment& held) {
  Assignment out = *held.common;
  out.replica = id_of(held);
  out.stop = held.stop;
  out.gpus = held.gpus;
  return out;
}

AssignmentSet titled(const HeldSet& set) {
  AssignmentSet out;
  out.cluster_id = set.cluster_id;
  out.node = set.node;
  out.revision = set.revision;
  return out;
}

bool is_before(const HeldAssignment& a, const HeldAssignment& b) {
  return std::tie(a.common->workload, a.ordinal) < std::tie(b.common->workload, b.ordinal);
}

}  // namespace

void CommonParts::restart() {
  for (auto& [version, known] : known_) known.is_current = false;
}

void CommonParts::doubt(const WorkloadUid& uid) {
  for (auto at = known_.lower_bound({uid, 0}); at != known_.end() && at->first.first == uid; ++at)
    at->second.is_current = false;
}

/// Limits are the workload's, a pin depends on the replicas and on which nodes are ready, and secrets hold
/// what opens a registry.
void CommonParts::apply(const std::vector<Commit>& commits) {
  for (const auto& commit : commits)
    for (const auto& change : commit.changes) switch (change.key.kind) {
        case RecordKind::workload:
          doubt(WorkloadUid{change.key.id});
          break;
        case RecordKind::version:
          doubt(WorkloadUid{change.key.id.substr(0, change.key.id.find('/'))});
          break;
        case RecordKind::replica:
          if (const auto slot = slot_of(ReplicaId{change.key.id})) doubt(slot->workload);
          break;
        case RecordKind::node:
        case RecordKind::secret:
        case RecordKind::cluster_meta:
          restart();
          break;
        case RecordKind::event:
        case RecordKind::idempotency:
        case RecordKind::rollout:
          break;
      }
}

CommonPart CommonParts::of(const Snapshot& snapshot, const Replica& replica, const OpenSecret& open) {
  if (known_.size() >= tidy_at_) {
    std::erase_if(known_, [](const auto& entry) { return entry.second.part.expired(); });
    tidy_at_ = 64 + 2 * known_.size();
  }
  Known& known = known_[{replica.workload, replica.version}];
  CommonPart part = known.part.lock();
  if (part && known.is_current) return part;
  const auto workload = snapshot.workload(replica.workload);
  const auto version = snapshot.version(replica.workload, replica.version);
  if (!workload || !version) return nullptr;
  known.is_current = true;
  Assignment now = common_part(snapshot, *workload, *version, open);
  if (part && *part == now) return part;
  part = std::make_shared<const Assignment>(std::move(now));
  known.part = part;
  return part;
}

HeldSet held_set(const Snapshot& snapshot, const NodeId& node, CommonParts& parts, const OpenSecret& open) {
  HeldSet out{snapshot.cluster_id(), node, snapshot.revision(), {}};
  const auto& replicas = snapshot.index_of(node);
  out.assignments.reserve(replicas.size());
  const Replica* last = nullptr;
  CommonPart common;
  replicas.for_each([&](const auto&, const std::shared_ptr<const Replica>& replica) {
    if (is_terminal(replica->phase)) return;
    if (last == nullptr || last->version != replica->version || last->workload != replica->workload)
      common = parts.of(snapshot, *replica, open);
    last = replica.get();
    if (common) out.assignments.push_back({common, replica->ordinal, replica->stop, replica->gpus});
  });
  return out;
}

AssignmentSet whole(const HeldSet& set) {
  AssignmentSet out = titled(set);
  out.assignments.reserve(set.assignments.size());
  for (const auto& held : set.assignments) out.assignments.push_back(assignment(held));
  return out;
}

AssignmentSet difference(const HeldSet& before, const HeldSet& after) {
  AssignmentSet out = titled(after);
  out.full = false;
  out.base_revision = before.revision;
  auto old = before.assignments.begin();
  const auto end = before.assignments.end();
  for (const auto& held : after.assignments) {
    for (; old != end && is_before(*old, held); ++old) out.removed.push_back(id_of(*old));
    const bool known = old != end && !is_before(held, *old);
    if (!known || !(*old == held)) out.assignments.push_back(assignment(held));
    if (known) ++old;
  }
  for (; old != end; ++old) out.removed.push_back(id_of(*old));
  return out;
}

}  // namespace cloudless::node_link
