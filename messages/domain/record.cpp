#include "messages/domain/record.hpp"

namespace cloudless {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

Key workload_key(const WorkloadUid& uid) {
  return {RecordKind::workload, uid.value};
}
Key version_key(const WorkloadUid& uid, std::uint64_t number) {
  return {RecordKind::version, uid.value + "/" + std::to_string(number)};
}
Key replica_key(const ReplicaId& id) {
  return {RecordKind::replica, id.value};
}
Key rollout_key(const WorkloadUid& uid, std::uint64_t number) {
  return {RecordKind::rollout, uid.value + "/" + std::to_string(number)};
}
Key node_key(const NodeId& id) {
  return {RecordKind::node, id.value};
}

Key secret_key(const std::string& ns, const std::string& name) {
  return {RecordKind::secret, ns + "/" + name};
}

Key key_of(const Record& record) {
  return std::visit(
      Overloaded{
          [](const std::shared_ptr<const ClusterMeta>&) {
            return Key{RecordKind::cluster_meta, "cluster"};
          },
          [](const std::shared_ptr<const Workload>& w) { return workload_key(w->uid); },
          [](const std::shared_ptr<const Version>& v) { return version_key(v->workload, v->number); },
          [](const std::shared_ptr<const Replica>& r) { return replica_key(r->id); },
          [](const std::shared_ptr<const Node>& n) { return node_key(n->description.id); },
          [](const std::shared_ptr<const Event>& e) {
            return Key{RecordKind::event,
                       std::to_string(e->revision) + "/" + e->kind + "/" + e->replica.value + e->node.value};
          },
          [](const std::shared_ptr<const IdempotencyRow>& i) {
            return Key{RecordKind::idempotency, i->principal + "/" + i->method + "/" + i->ns + "/" + i->key};
          },
          [](const std::shared_ptr<const Secret>& s) { return secret_key(s->ns, s->name); },
          [](const std::shared_ptr<const Rollout>& r) { return rollout_key(r->workload, r->number); },
      },
      record);
}

std::uint64_t guard_of(const Record& record) {
  if (const auto* w = std::get_if<std::shared_ptr<const Workload>>(&record)) return (*w)->revision;
  if (const auto* n = std::get_if<std::shared_ptr<const Node>>(&record)) return (*n)->schedulable_revision;
  if (const auto* s = std::get_if<std::shared_ptr<const Secret>>(&record)) return (*s)->revision;
  return 1;
}

Change put(Record record) {
  Key key = key_of(record);
  return {std::move(key), std::move(record)};
}
Change erase(Key key) {
  return {std::move(key), std::nullopt};
}

}  // namespace cloudless
