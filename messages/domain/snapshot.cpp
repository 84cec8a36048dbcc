#include "messages/domain/snapshot.hpp"

#include <algorithm>
#include <charconv>

namespace cloudless {
namespace {

std::size_t combine(std::size_t a, std::size_t b) {
  return a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2));
}

template <class Map, class K>
auto value_or_null(const Map& map, const K& key) {
  const auto* found = map.find(key);
  return found != nullptr ? *found : std::decay_t<decltype(*found)>{};
}

/// Of "<uid>/<number>".
std::optional<ReplicaSlot> numbered_slot(const std::string& id) {
  const auto slash = id.find('/');
  if (slash == std::string::npos) return std::nullopt;
  return ReplicaSlot{WorkloadUid{id.substr(0, slash)}, std::strtoull(id.c_str() + slash + 1, nullptr, 10)};
}

/// Everything of one workload, in order.
template <class Map>
auto all_of(const Map& map, const WorkloadUid& uid) {
  using Value = std::decay_t<decltype(*map.find(ReplicaSlot{}))>;
  std::vector<Value> out;
  map.visit_from(ReplicaSlot{uid, 0}, [&](const auto& slot, const Value& value) {
    if (slot.workload != uid) return false;
    out.push_back(value);
    return true;
  });
  return out;
}

constexpr std::size_t kUidLength = 10;

/// Of "<namespace>/<name>".
QualifiedName name_in(const std::string& id) {
  const auto slash = id.find('/');
  return slash == std::string::npos ? QualifiedName{id, {}}
                                    : QualifiedName{id.substr(0, slash), id.substr(slash + 1)};
}

}  // namespace

std::size_t KeyHash<QualifiedName>::operator()(const QualifiedName& k) const {
  return combine(std::hash<std::string>{}(k.ns), std::hash<std::string>{}(k.name));
}
std::size_t KeyHash<ReplicaSlot>::operator()(const ReplicaSlot& k) const {
  return combine(std::hash<std::string>{}(k.workload.value), k.ordinal);
}

std::optional<ReplicaSlot> slot_of(const ReplicaId& id) {
  const std::string& s = id.value;
  const auto dash = s.rfind('-');
  if (dash == std::string::npos || dash < kUidLength + 2 || s[dash - kUidLength - 1] != '-')
    return std::nullopt;
  std::uint64_t ordinal = 0;
  const auto* end = s.data() + s.size();
  const auto [stop, ec] = std::from_chars(s.data() + dash + 1, end, ordinal);
  if (ec != std::errc{} || stop != end) return std::nullopt;
  return ReplicaSlot{WorkloadUid{s.substr(dash - kUidLength, kUidLength)}, ordinal};
}

ReplicaId replica_id(std::string_view workload_name, const WorkloadUid& uid, std::uint64_t ordinal) {
  return ReplicaId{std::string(workload_name) + "-" + uid.value + "-" + std::to_string(ordinal)};
}

std::shared_ptr<const Workload> Snapshot::workload(const WorkloadUid& uid) const {
  return value_or_null(workloads_, uid);
}

std::shared_ptr<const Workload> Snapshot::workload(const std::string& ns, const std::string& name) const {
  const auto* uid = names_.find(QualifiedName{ns, name});
  return uid != nullptr ? workload(*uid) : nullptr;
}

std::shared_ptr<const Version> Snapshot::version(const WorkloadUid& uid, std::uint64_t number) const {
  return value_or_null(versions_, ReplicaSlot{uid, number});
}

std::shared_ptr<const Replica> Snapshot::replica(const ReplicaId& id) const {
  const auto slot = slot_of(id);
  if (!slot) return nullptr;
  auto found = value_or_null(replicas_, *slot);
  return found && found->id == id ? found : nullptr;
}

std::shared_ptr<const Node> Snapshot::node(const NodeId& id) const {
  return value_or_null(nodes_, id);
}

std::shared_ptr<const Rollout> Snapshot::rollout(const WorkloadUid& uid, std::uint64_t number) const {
  return value_or_null(rollouts_, ReplicaSlot{uid, number});
}

std::shared_ptr<const Secret> Snapshot::secret(const std::string& ns, const std::string& name) const {
  return value_or_null(secrets_, QualifiedName{ns, name});
}

std::vector<std::shared_ptr<const Replica>> Snapshot::replicas_of(const WorkloadUid& uid) const {
  return all_of(replicas_, uid);
}

std::vector<std::shared_ptr<const Replica>> Snapshot::replicas_on(const NodeId& id) const {
  std::vector<std::shared_ptr<const Replica>> out;
  const Replicas& there = index_of(id);
  out.reserve(there.size());
  there.for_each([&](const auto&, const std::shared_ptr<const Replica>& r) { out.push_back(r); });
  return out;
}

const Snapshot::Replicas& Snapshot::index_of(const NodeId& id) const {
  static const Replicas nobody;
  const auto* there = by_node_.find(id);
  return there != nullptr ? *there : nobody;
}

std::vector<std::shared_ptr<const Version>> Snapshot::versions_of(const WorkloadUid& uid) const {
  return all_of(versions_, uid);
}

std::vector<std::shared_ptr<const Rollout>> Snapshot::rollouts_of(const WorkloadUid& uid) const {
  return all_of(rollouts_, uid);
}

std::uint64_t Snapshot::guard(const Key& key) const {
  switch (key.kind) {
    case RecordKind::cluster_meta:
      return cluster_id_.empty() ? 0 : 1;
    case RecordKind::workload: {
      const auto w = workload(WorkloadUid{key.id});
      return w ? w->revision : 0;
    }
    case RecordKind::node: {
      const auto n = node(NodeId{key.id});
      return n ? n->schedulable_revision : 0;
    }
    case RecordKind::replica:
      return replica(ReplicaId{key.id}) ? 1 : 0;
    case RecordKind::version: {
      const auto slot = numbered_slot(key.id);
      return slot && versions_.find(*slot) != nullptr ? 1 : 0;
    }
    case RecordKind::rollout: {
      const auto slot = numbered_slot(key.id);
      return slot && rollouts_.find(*slot) != nullptr ? 1 : 0;
    }
    case RecordKind::secret: {
      const auto* s = secrets_.find(name_in(key.id));
      return s != nullptr ? (*s)->revision : 0;
    }
    case RecordKind::event:
    case RecordKind::idempotency:
      return 0;
  }
  return 0;
}

bool Snapshot::satisfies(const std::vector<Precondition>& preconditions) const {
  return std::all_of(preconditions.begin(), preconditions.end(), [&](const Precondition& p) {
    return p.key.kind == RecordKind::idempotency || guard(p.key) == p.guard;
  });
}

void Snapshot::put_workload(const std::shared_ptr<const Workload>& w) {
  workloads_.set(w->uid, w);
  const QualifiedName name{w->ns, w->name};
  if (!w->deleted) {
    names_.set(name, w->uid);
  } else if (const auto* holder = names_.find(name); holder != nullptr && *holder == w->uid) {
    names_.erase(name);
  }
}

void Snapshot::put_replica(const std::shared_ptr<const Replica>& r) {
  const ReplicaSlot slot{r->workload, r->ordinal};
  if (const auto* before = replicas_.find(slot); before != nullptr && (*before)->node != r->node)
    take_off_node(**before);
  replicas_.set(slot, r);
  if (!r->node.empty()) by_node_.edit(r->node).set(slot, r);
}

void Snapshot::take_off_node(const Replica& r) {
  if (r.node.empty()) return;
  auto& there = by_node_.edit(r.node);
  there.erase({r.workload, r.ordinal});
  if (there.empty()) by_node_.erase(r.node);
}

void Snapshot::apply(const Change& change) {
  if (change.record) {
    if (const auto* m = std::get_if<std::shared_ptr<const ClusterMeta>>(&*change.record))
      cluster_id_ = (*m)->cluster_id;
    if (const auto* w = std::get_if<std::shared_ptr<const Workload>>(&*change.record)) put_workload(*w);
    if (const auto* v = std::get_if<std::shared_ptr<const Version>>(&*change.record))
      versions_.set(ReplicaSlot{(*v)->workload, (*v)->number}, *v);
    if (const auto* r = std::get_if<std::shared_ptr<const Replica>>(&*change.record)) put_replica(*r);
    if (const auto* n = std::get_if<std::shared_ptr<const Node>>(&*change.record))
      nodes_.set((*n)->description.id, *n);
    if (const auto* r = std::get_if<std::shared_ptr<const Rollout>>(&*change.record))
      rollouts_.set(ReplicaSlot{(*r)->workload, (*r)->number}, *r);
    if (const auto* s = std::get_if<std::shared_ptr<const Secret>>(&*change.record))
      secrets_.set(QualifiedName{(*s)->ns, (*s)->name}, *s);
    return;
  }
  switch (change.key.kind) {
    case RecordKind::workload:
      if (const auto w = workload(WorkloadUid{change.key.id})) {
        if (const auto* holder = names_.find(QualifiedName{w->ns, w->name});
            holder != nullptr && *holder == w->uid)
          names_.erase(QualifiedName{w->ns, w->name});
        workloads_.erase(w->uid);
      }
      break;
    case RecordKind::version:
      if (const auto slot = numbered_slot(change.key.id)) versions_.erase(*slot);
      break;
    case RecordKind::rollout:
      if (const auto slot = numbered_slot(change.key.id)) rollouts_.erase(*slot);
      break;
    case RecordKind::replica:
      if (const auto r = replica(ReplicaId{change.key.id})) {
        take_off_node(*r);
        replicas_.erase({r->workload, r->ordinal});
      }
      break;
    case RecordKind::node:
      nodes_.erase(NodeId{change.key.id});
      break;
    case RecordKind::secret:
      secrets_.erase(name_in(change.key.id));
      break;
    case RecordKind::cluster_meta:
    case RecordKind::event:
    case RecordKind::idempotency:
      break;
  }
}

void Snapshot::apply(const Commit& commit) {
  for (const auto& change : commit.changes) apply(change);
  revision_ = commit.revision;
}

std::vector<Record> Snapshot::records() const {
  std::vector<Record> out;
  if (!cluster_id_.empty()) out.emplace_back(std::make_shared<const ClusterMeta>(ClusterMeta{cluster_id_}));
  const auto take = [&out](const auto&, const auto& record) { out.emplace_back(record); };
  nodes_.for_each(take);
  secrets_.for_each(take);
  workloads_.for_each(take);
  versions_.for_each(take);
  rollouts_.for_each(take);
  replicas_.for_each(take);
  return out;
}

}  // namespace cloudless
