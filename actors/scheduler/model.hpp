// What the scheduler knows: nodes and what is taken on them, workloads and where their live replicas are,
// what failed where, and what waits for a place. Kept up to date commit by commit. Pure; filter, score and
// explain read it one node at a time. Always: what is reserved on a node is the sum over its replicas that
// have not ended, stopping ones included; a model kept by apply() is the one that load() makes.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/scheduler/ask.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::scheduler {

/// Two regions may have zones of one name.
struct ZoneKey {
  std::string region;
  std::string zone;
  auto operator<=>(const ZoneKey&) const = default;
};
ZoneKey zone_of(const Node& node);

using VersionKey = std::pair<WorkloadUid, std::uint64_t>;

/// How many live replicas there are of something, and where. Live: on a node that exists, not ended and not
/// leaving.
struct Crowd {
  std::uint32_t total = 0;
  std::map<NodeId, std::uint32_t> nodes;
  std::map<ZoneKey, std::uint32_t> zones;
  std::map<std::string, std::uint32_t> regions;

  /// In the node's domain.
  std::uint32_t near(const Node& node, Topology topology) const;
  void add(const Node& node, std::int64_t replicas);
  bool operator==(const Crowd&) const = default;
};

/// Amounts of many replicas.
struct Reserved {
  std::int64_t cpu = 0, memory = 0, storage = 0, bandwidth = 0;
  void add(const engine::Amounts& amounts, std::int64_t times);
  bool operator==(const Reserved&) const = default;
};

struct WorkloadView;

/// What a replica is to the scheduler: that of its record, or what is assumed.
struct Part {
  NodeId node;
  bool pending = false, holds = false, live = false, image = false, failed = false;
  bool finished = false, lost = false;
  Millis ended_at = 0;
  std::vector<std::uint8_t> gpus;
  bool matters() const { return pending || holds || live || image || failed || finished || lost; }
  bool operator==(const Part&) const = default;
};
/// A replica as the model has it; its address does not change while it is known. There are very many.
struct Tenant {
  std::shared_ptr<const Replica> replica;
  std::shared_ptr<const Ask> ask;
  std::unique_ptr<const Part> assumed;  ///< null: as the record says
  const WorkloadView* workload = nullptr;

  Part part() const;
  bool is_live() const;  ///< part().live
};

/// Of one workload on one node.
struct Presence {
  std::uint32_t holding = 0;  ///< replicas that have not ended
  std::uint32_t live = 0;     ///< of those, not leaving; if the node existed
  bool operator==(const Presence&) const = default;
};

struct NodeView {
  std::shared_ptr<const Node> node;  ///< null while a replica names a node that is gone
  engine::Amounts room;              ///< what replicas may reserve; GPUs as whole ones
  Reserved reserved;
  std::array<std::int32_t, engine::kMaxGpus> gpu_used{};  ///< thousandths
  /// Ports that replicas on it asked for by number, stopping ones included, and how many did.
  std::map<HostPort, std::uint32_t> host_ports;
  std::map<WorkloadUid, Presence> present;
  std::map<VersionKey, std::uint32_t> guards;   ///< live replicas that have a required anti-affinity
  std::map<std::string, std::uint32_t> images;  ///< that replicas here have, or had, a container of
  std::vector<const Tenant*> tenants;           ///< who holds something here, in no order

  /// May be negative where a node shrank. GPUs: see gpus().
  engine::Amounts free() const;
  engine::Gpus gpus() const;
};

struct WorkloadView {
  std::shared_ptr<const Workload> record;  ///< null while replicas outlive it
  Crowd live;
  std::map<std::uint64_t, Crowd> guards;  ///< of versions with a required anti-affinity towards workloads
  std::map<std::uint64_t, std::shared_ptr<const Ask>> asks;
  std::map<std::uint64_t, Tenant> replicas;   ///< by ordinal
  std::map<ReplicaSlot, WallMillis> pending;  ///< created_at
  std::uint32_t stranded = 0;  ///< replicas that have not ended, on nodes that are OFFLINE or gone
  // Of its records, whatever is assumed:
  std::uint32_t holding = 0;                        ///< on a node, not ended
  std::uint32_t standing = 0;                       ///< of those, not leaving
  std::uint32_t ready = 0;                          ///< of those, RUNNING, ready and serving
  std::map<std::uint64_t, std::uint32_t> finished;  ///< ended by themselves, by version
  std::uint32_t lost = 0;                           ///< LOST, and the record is still there
  /// It has stranded replicas, or lost ones and fewer than it wants.
  bool recovers = false;
};

/// A replica that waits for a node, in the order in which places are given out.
struct Pending {
  std::uint32_t priority = 0;
  bool recovers = false;  ///< its workload does
  WallMillis created_at = 0;
  ReplicaSlot slot;
  /// Higher priority, then recovering, then older, then by workload and ordinal.
  std::strong_ordering operator<=>(const Pending& other) const;
  bool operator==(const Pending&) const = default;
};

/// A node that something happened to.
struct Touched {
  NodeId node;
  WorkloadUid only;  ///< whose live replicas there, with the room, are all that changed; empty: anything
  auto operator<=>(const Touched&) const = default;
};

/// Tenants and nodes point at one another: a model can be moved, but not copied.
class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  Model(Model&&) = default;
  Model& operator=(Model&&) = default;
  ~Model() = default;

  void load(const Snapshot& view);
  /// `after` has this commit applied; it may have later ones too.
  void apply(const Commit& commit, const Snapshot& after);

  /// By id; those without a record are gone, but replicas still name them.
  const std::map<NodeId, NodeView>& nodes() const { return nodes_; }
  const std::map<WorkloadUid, WorkloadView>& workloads() const { return workloads_; }
  const std::set<Pending>& pending() const { return pending_; }
  /// Null: unknown, or ended without ever having had a node.
  std::shared_ptr<const Replica> replica(const ReplicaSlot& slot) const;
  std::shared_ptr<const Ask> ask_of(const ReplicaSlot& slot) const;
  /// Of a replica that is known.
  const Tenant& tenant(const ReplicaSlot& slot) const {
    return workloads_.at(slot.workload).replicas.at(slot.ordinal);
  }
  /// Those of a workload, by ordinal.
  std::vector<const Tenant*> tenants_of(const WorkloadUid& uid) const;
  /// Replicas on nodes that are stopping for this one, by node.
  const std::map<NodeId, std::uint32_t>& stopping_for(const ReplicaId& winner) const;
  /// Some workload of a lower priority has a replica on a node that has not ended.
  bool has_tenants_below(std::uint32_t priority) const;

  /// Workloads of the namespace whose labels the selector selects, by uid.
  std::vector<const WorkloadView*> selected(const std::string& ns, const Labels& selector) const;
  /// Versions of that namespace with live replicas that have a required anti-affinity.
  std::vector<VersionKey> guards(const std::string& ns) const;
  /// When replicas of this version FAILED, store time, by node.
  const std::map<NodeId, std::map<ReplicaSlot, Millis>>& failures(const VersionKey& version) const;

  /// Moves with everything that may change a decision.
  std::uint64_t generation() const { return generation_; }

  /// Moves with what may change the rules between workloads: labels, specs, who guards, what failed where.
  std::uint64_t rules() const { return rules_; }
  /// From now on nodes are noted whose room, replicas or record change, also by what is assumed.
  void note_touched() { notes_touched_ = true; }
  /// Those since the last call, each once; every node that is known after load().
  std::vector<Touched> take_touched();

  /// As if this pending replica had the node and GPUs already; undone by withdraw().
  void assume(const ReplicaSlot& slot, const NodeId& node, std::vector<std::uint8_t> gpus);
  /// As if this live replica had been told to stop; undone by withdraw().
  void assume_leaving(const ReplicaSlot& slot);
  /// As if this replica were nowhere; undone by withdraw().
  void lift(const ReplicaSlot& slot);
  void withdraw(const ReplicaSlot& slot);

 private:
  void put_node(const NodeId& id, std::shared_ptr<const Node> node);
  void put_workload(const WorkloadUid& uid, std::shared_ptr<const Workload> record);
  void put_replica(const std::shared_ptr<const Replica>& replica, const Snapshot& view);
  void drop_replica(const ReplicaSlot& slot);
  const Tenant* find(const ReplicaSlot& slot) const;
  Tenant& known(const ReplicaSlot& slot);
  void assume(const ReplicaSlot& slot, std::unique_ptr<const Part> part);
  void enter(const ReplicaSlot& slot, const Tenant& known, bool more);
  void enter_on_node(const ReplicaSlot& slot, const Tenant& known, const Part& part, bool more);
  void enter_pending(const ReplicaSlot& slot, const Replica& replica, bool more);
  void count_record(const Tenant& known, bool more);
  void count_holding(std::uint32_t priority, std::int64_t by);
  void count_node(NodeView& view, bool more);
  void count_guards(const VersionKey& key, const Node& node, std::int64_t by);
  void forget_version(const std::string& id);
  void reorder(WorkloadView& workload, std::uint32_t priority, bool recovers);
  void judge_recovery(WorkloadView& workload);
  void change_stranded(const WorkloadUid& uid, std::int64_t by);
  void index_labels(const Workload& record, bool more);
  std::shared_ptr<const Ask> find_ask(const Replica& replica, const Snapshot& view);
  void touch(const NodeId& id, const WorkloadUid& only = {});
  void drop_empty(const NodeId& id);
  void drop_empty(const WorkloadUid& uid);

  struct LabelKey {
    std::string ns, key, value;
    auto operator<=>(const LabelKey&) const = default;
  };

  std::map<NodeId, NodeView> nodes_;
  std::map<WorkloadUid, WorkloadView> workloads_;
  std::set<Pending> pending_;
  std::map<LabelKey, std::set<WorkloadUid>> by_label_;
  std::set<VersionKey> guards_;
  std::map<VersionKey, std::map<NodeId, std::map<ReplicaSlot, Millis>>> failures_;
  std::map<ReplicaId, std::map<NodeId, std::uint32_t>> stopping_for_;
  std::map<std::uint32_t, std::uint64_t> holding_;  // by priority
  std::uint64_t generation_ = 0, rules_ = 0;
  bool notes_touched_ = false;
  std::vector<Touched> touched_;
};

}  // namespace cloudless::scheduler
