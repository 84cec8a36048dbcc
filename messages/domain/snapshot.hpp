// Everything that is true at one revision: records with the indexes that readers need. Copies share
// structure, so a snapshot is taken for free and read without a lock; every mirror is one of these.
// Idempotency rows and events are not in it.
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/domain/persistent_map.hpp"
#include "messages/domain/record.hpp"

namespace cloudless {

struct QualifiedName {
  std::string ns;
  std::string name;
  auto operator<=>(const QualifiedName&) const = default;
};

/// Replicas in order of their workload and ordinal.
struct ReplicaSlot {
  WorkloadUid workload;
  std::uint64_t ordinal = 0;
  auto operator<=>(const ReplicaSlot&) const = default;
};

/// The slot of a replica that is there for as long as this is.
struct ReplicaSlotView {
  const WorkloadUid& workload;
  std::uint64_t ordinal;
  operator ReplicaSlot() const { return {workload, ordinal}; }
  friend std::strong_ordering operator<=>(const ReplicaSlot& a, const ReplicaSlotView& b) {
    const auto order = a.workload <=> b.workload;
    return order != 0 ? order : a.ordinal <=> b.ordinal;
  }
};

template <>
struct KeyHash<QualifiedName> {
  std::size_t operator()(const QualifiedName& k) const;
};
template <>
struct KeyHash<ReplicaSlot> {
  std::size_t operator()(const ReplicaSlot& k) const;
};

/// The workload and ordinal inside "<name>-<uid>-<ordinal>"; absent if `id` does not look like that.
std::optional<ReplicaSlot> slot_of(const ReplicaId& id);
ReplicaId replica_id(std::string_view workload_name, const WorkloadUid& uid, std::uint64_t ordinal);

struct SlotOf {
  ReplicaSlotView operator()(const std::shared_ptr<const Replica>& r) const {
    return {r->workload, r->ordinal};
  }
};

class Snapshot {
 public:
  using Replicas = PersistentMap<ReplicaSlot, std::shared_ptr<const Replica>, SlotOf>;

  Revision revision() const { return revision_; }
  /// Empty until the store made one.
  const std::string& cluster_id() const { return cluster_id_; }

  /// All of these: nullptr if there is none.
  std::shared_ptr<const Workload> workload(const WorkloadUid& uid) const;
  /// By name; never one that is deleted.
  std::shared_ptr<const Workload> workload(const std::string& ns, const std::string& name) const;
  std::shared_ptr<const Version> version(const WorkloadUid& uid, std::uint64_t number) const;
  std::shared_ptr<const Replica> replica(const ReplicaId& id) const;
  std::shared_ptr<const Node> node(const NodeId& id) const;
  std::shared_ptr<const Rollout> rollout(const WorkloadUid& uid, std::uint64_t number) const;
  std::shared_ptr<const Secret> secret(const std::string& ns, const std::string& name) const;

  /// Replicas of a workload, by ordinal; terminal ones included.
  std::vector<std::shared_ptr<const Replica>> replicas_of(const WorkloadUid& uid) const;
  /// Replicas whose node this is, terminal ones included.
  std::vector<std::shared_ptr<const Replica>> replicas_on(const NodeId& id) const;
  /// The same, to look through: empty if there are none, valid until the next change.
  const Replicas& index_of(const NodeId& id) const;
  std::vector<std::shared_ptr<const Version>> versions_of(const WorkloadUid& uid) const;
  std::vector<std::shared_ptr<const Rollout>> rollouts_of(const WorkloadUid& uid) const;

  const PersistentMap<WorkloadUid, std::shared_ptr<const Workload>>& workloads() const { return workloads_; }
  /// Workloads that are not deleted, by namespace and name.
  const PersistentMap<QualifiedName, WorkloadUid>& names() const { return names_; }
  const Replicas& replicas() const { return replicas_; }
  const PersistentMap<NodeId, std::shared_ptr<const Node>>& nodes() const { return nodes_; }
  const PersistentMap<ReplicaSlot, std::shared_ptr<const Version>>& versions() const { return versions_; }
  const PersistentMap<ReplicaSlot, std::shared_ptr<const Rollout>>& rollouts() const { return rollouts_; }
  const PersistentMap<QualifiedName, std::shared_ptr<const Secret>>& secrets() const { return secrets_; }

  /// Guard of the record under this key (see guard_of); 0 if there is none.
  std::uint64_t guard(const Key& key) const;
  /// Every precondition holds here; idempotency rows are not looked at.
  bool satisfies(const std::vector<Precondition>& preconditions) const;

  /// Makes the change visible; the revision does not move. Used by owners for what they have sent but not
  /// seen committed.
  void apply(const Change& change);
  /// Applies all changes and moves to the commit's revision.
  void apply(const Commit& commit);
  /// For loading.
  void set_revision(Revision revision) { revision_ = revision; }

  /// Every record, in an order that depends on content alone; for encoding a whole snapshot.
  std::vector<Record> records() const;

 private:
  void put_workload(const std::shared_ptr<const Workload>& w);
  void put_replica(const std::shared_ptr<const Replica>& r);
  void take_off_node(const Replica& r);

  Revision revision_ = 0;
  std::string cluster_id_;
  PersistentMap<WorkloadUid, std::shared_ptr<const Workload>> workloads_;
  PersistentMap<QualifiedName, WorkloadUid> names_;
  PersistentMap<ReplicaSlot, std::shared_ptr<const Version>> versions_;  // ordinal is the version's number
  Replicas replicas_;
  PersistentMap<NodeId, Replicas> by_node_;
  PersistentMap<NodeId, std::shared_ptr<const Node>> nodes_;
  PersistentMap<ReplicaSlot, std::shared_ptr<const Rollout>> rollouts_;  // ordinal is the rollout's number
  PersistentMap<QualifiedName, std::shared_ptr<const Secret>> secrets_;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace cloudless
