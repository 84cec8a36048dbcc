#include "actors/scheduler/model.hpp"

#include <algorithm>
#include <charconv>

namespace cloudless::scheduler {
namespace {

constexpr std::int32_t kWholeGpuThousandths = 1000;

/// One more or one less; what comes to nothing goes.
template <class Map, class K>
void tally(Map& map, const K& key, std::int64_t by) {
  if (by == 0) return;
  const auto at = map.try_emplace(key, 0).first;
  at->second = static_cast<std::uint32_t>(at->second + by);
  if (at->second == 0) map.erase(at);
}

void count_present(NodeView& view, const WorkloadUid& uid, std::uint32_t Presence::*count, std::int64_t by) {
  const auto at = view.present.try_emplace(uid).first;
  at->second.*count = static_cast<std::uint32_t>(at->second.*count + by);
  if (at->second == Presence{}) view.present.erase(at);
}

bool strands(const Node* node) {
  return node == nullptr || node->state == NodeState::offline;
}

bool may_serve(const Replica& r) {
  return r.phase == Phase::running && r.ready && r.serving && !r.is_leaving();
}

bool lives(const Replica& r) {
  return !r.node.empty() && !is_terminal(r.phase) && !r.is_leaving();
}

Part part_of(const Replica& r) {
  Part part;
  part.node = r.node;
  const bool ended = is_terminal(r.phase);
  if (r.node.empty()) {
    part.pending = r.phase == Phase::pending && !r.is_leaving();
    return part;
  }
  part.holds = !ended;
  part.live = lives(r);
  part.image = r.phase >= Phase::starting || r.attempt > 1;
  part.failed = r.phase == Phase::failed;
  part.finished = (part.failed || r.phase == Phase::succeeded) && !r.is_leaving();
  part.lost = r.phase == Phase::lost;
  if (part.failed) part.ended_at = r.ended_at;
  if (part.holds) part.gpus = r.gpus;
  return part;
}

/// Nothing about it changes what the model counts.
bool counts_the_same(const Tenant& known, const Replica& replica, const Part& part) {
  return known.part() == part && known.replica->version == replica.version &&
         known.replica->preempted_for == replica.preempted_for;
}

/// Does it decide on places? Reports of links and heartbeats do so, too; who registered when does not.
bool decides(const Node& a, const Node& b) {
  return a.schedulable_revision != b.schedulable_revision || a.recent_losses != b.recent_losses ||
         a.link_rtt_ms != b.link_rtt_ms || a.ordinal != b.ordinal;
}

}  // namespace

ZoneKey zone_of(const Node& node) {
  return {node.description.region, node.description.zone};
}

std::uint32_t Crowd::near(const Node& node, Topology topology) const {
  const auto count = [](const auto& map, const auto& key) {
    const auto found = map.find(key);
    return found != map.end() ? found->second : 0;
  };
  switch (topology) {
    case Topology::node:
      return count(nodes, node.description.id);
    case Topology::zone:
      return count(zones, zone_of(node));
    case Topology::region:
      return count(regions, node.description.region);
  }
  return 0;
}

void Crowd::add(const Node& node, std::int64_t replicas) {
  total = static_cast<std::uint32_t>(total + replicas);
  tally(nodes, node.description.id, replicas);
  tally(zones, zone_of(node), replicas);
  tally(regions, node.description.region, replicas);
}

void Reserved::add(const engine::Amounts& amounts, std::int64_t times) {
  cpu += times * amounts.cpu;
  memory += times * amounts.memory;
  storage += times * amounts.storage;
  bandwidth += times * amounts.bandwidth;
}

engine::Amounts NodeView::free() const {
  const auto left = [](std::int64_t all, std::int64_t taken) {
    return static_cast<std::int32_t>(std::max<std::int64_t>(all - taken, -(1 << 30)));
  };
  return {left(room.cpu, reserved.cpu),
          left(room.memory, reserved.memory),
          left(room.storage, reserved.storage),
          left(room.bandwidth, reserved.bandwidth),
          0,
          0};
}

engine::Gpus NodeView::gpus() const {
  engine::Gpus out;
  out.count = static_cast<std::uint8_t>(room.gpus);
  for (std::size_t i = 0; i < out.count; ++i)
    out.free[i] = static_cast<std::int16_t>(std::clamp(kWholeGpuThousandths - gpu_used[i], 0, 1000));
  return out;
}

Part Tenant::part() const {
  return assumed ? *assumed : part_of(*replica);
}

bool Tenant::is_live() const {
  return assumed ? assumed->live : lives(*replica);
}

std::strong_ordering Pending::operator<=>(const Pending& other) const {
  if (const auto order = other.priority <=> priority; order != 0) return order;
  if (const auto order = other.recovers <=> recovers; order != 0) return order;
  if (const auto order = created_at <=> other.created_at; order != 0) return order;
  return slot <=> other.slot;
}

void Model::load(const Snapshot& view) {
  const auto generation = generation_, rules = rules_;
  const bool notes_touched = notes_touched_;
  auto touched = std::move(touched_);
  for (const auto& [id, node] : nodes_) touched.push_back({id, {}});
  *this = Model{};
  generation_ = generation + 1;
  rules_ = rules + 1;
  view.nodes().for_each(
      [&](const NodeId& id, const std::shared_ptr<const Node>& node) { put_node(id, node); });
  view.workloads().for_each(
      [&](const WorkloadUid& uid, const std::shared_ptr<const Workload>& w) { put_workload(uid, w); });
  view.replicas().for_each(
      [&](const ReplicaSlot&, const std::shared_ptr<const Replica>& r) { put_replica(r, view); });
  notes_touched_ = notes_touched;
  if (!notes_touched_) return;
  touched_ = std::move(touched);
  for (const auto& [id, node] : nodes_) touched_.push_back({id, {}});
}

void Model::apply(const Commit& commit, const Snapshot& after) {
  for (const auto& change : commit.changes) {
    if (change.key.kind == RecordKind::replica) {
      if (change.record)
        put_replica(std::get<std::shared_ptr<const Replica>>(*change.record), after);
      else if (const auto slot = slot_of(ReplicaId{change.key.id}))
        drop_replica(*slot);
    } else if (change.key.kind == RecordKind::node) {
      put_node(NodeId{change.key.id},
               change.record ? std::get<std::shared_ptr<const Node>>(*change.record) : nullptr);
    } else if (change.key.kind == RecordKind::workload) {
      put_workload(WorkloadUid{change.key.id},
                   change.record ? std::get<std::shared_ptr<const Workload>>(*change.record) : nullptr);
    } else if (change.key.kind == RecordKind::version && !change.record) {
      forget_version(change.key.id);
    }
  }
}

/// "<uid>/<number>"
void Model::forget_version(const std::string& id) {
  const auto slash = id.rfind('/');
  if (slash == std::string::npos) return;
  const auto workload = workloads_.find(WorkloadUid{id.substr(0, slash)});
  std::uint64_t number = 0;
  std::from_chars(id.data() + slash + 1, id.data() + id.size(), number);
  if (workload != workloads_.end()) workload->second.asks.erase(number);
}

const Tenant* Model::find(const ReplicaSlot& slot) const {
  const auto workload = workloads_.find(slot.workload);
  if (workload == workloads_.end()) return nullptr;
  const auto found = workload->second.replicas.find(slot.ordinal);
  return found != workload->second.replicas.end() ? &found->second : nullptr;
}

Tenant& Model::known(const ReplicaSlot& slot) {
  return workloads_.at(slot.workload).replicas.at(slot.ordinal);
}

std::shared_ptr<const Replica> Model::replica(const ReplicaSlot& slot) const {
  const auto* found = find(slot);
  return found != nullptr ? found->replica : nullptr;
}

std::shared_ptr<const Ask> Model::ask_of(const ReplicaSlot& slot) const {
  const auto* found = find(slot);
  return found != nullptr ? found->ask : nullptr;
}

std::vector<const Tenant*> Model::tenants_of(const WorkloadUid& uid) const {
  std::vector<const Tenant*> out;
  if (const auto workload = workloads_.find(uid); workload != workloads_.end())
    for (const auto& [ordinal, tenant] : workload->second.replicas) out.push_back(&tenant);
  return out;
}

const std::map<NodeId, std::uint32_t>& Model::stopping_for(const ReplicaId& winner) const {
  static const std::map<NodeId, std::uint32_t> none;
  const auto found = stopping_for_.find(winner);
  return found != stopping_for_.end() ? found->second : none;
}

bool Model::has_tenants_below(std::uint32_t priority) const {
  return !holding_.empty() && holding_.begin()->first < priority;
}

std::vector<const WorkloadView*> Model::selected(const std::string& ns, const Labels& selector) const {
  std::vector<const WorkloadView*> out;
  if (selector.empty()) return out;
  const auto& [key, value] = *selector.begin();
  const auto candidates = by_label_.find(LabelKey{ns, key, value});
  if (candidates == by_label_.end()) return out;
  for (const auto& uid : candidates->second) {
    const auto& workload = workloads_.at(uid);
    if (selects(selector, workload.record->spec.labels)) out.push_back(&workload);
  }
  return out;
}

std::vector<VersionKey> Model::guards(const std::string& ns) const {
  std::vector<VersionKey> out;
  for (const auto& key : guards_) {
    const auto& record = workloads_.at(key.first).record;
    if (record && record->ns == ns) out.push_back(key);
  }
  return out;
}

const std::map<NodeId, std::map<ReplicaSlot, Millis>>& Model::failures(const VersionKey& version) const {
  static const std::map<NodeId, std::map<ReplicaSlot, Millis>> none;
  const auto found = failures_.find(version);
  return found != failures_.end() ? found->second : none;
}

void Model::put_node(const NodeId& id, std::shared_ptr<const Node> node) {
  touch(id);
  auto& view = nodes_[id];
  if (!view.node || !node || decides(*view.node, *node)) ++generation_;
  count_node(view, false);
  view.node = std::move(node);
  view.room = view.node ? offered(view.node->description) : engine::Amounts{};
  count_node(view, true);
  drop_empty(id);
}

/// Everything that replicas on the node mean for their workloads.
void Model::count_node(NodeView& view, bool more) {
  const std::int64_t sign = more ? 1 : -1;
  if (strands(view.node.get()))
    for (const auto& [uid, present] : view.present) change_stranded(uid, sign * present.holding);
  if (!view.node) return;
  for (const auto& [uid, present] : view.present) workloads_[uid].live.add(*view.node, sign * present.live);
  for (const auto& [key, count] : view.guards) count_guards(key, *view.node, sign * count);
}

void Model::count_guards(const VersionKey& key, const Node& node, std::int64_t by) {
  auto& guards = workloads_[key.first].guards;
  auto& crowd = guards[key.second];
  crowd.add(node, by);
  if (crowd.total > 0) {
    rules_ += guards_.insert(key).second ? 1 : 0;
  } else {
    rules_ += guards_.erase(key);
    guards.erase(key.second);
  }
}

void Model::put_workload(const WorkloadUid& uid, std::shared_ptr<const Workload> record) {
  auto& workload = workloads_[uid];
  const auto old = workload.record;
  if (!old || !record || !(old->spec == record->spec)) {
    ++generation_;
    ++rules_;
    if (!old || !record || old->spec.labels != record->spec.labels)
      for (const auto& [node, count] : workload.live.nodes) touch(node);
    if (old) index_labels(*old, false);
    if (record) index_labels(*record, true);
    const std::uint32_t before = old ? old->spec.priority : 0, after = record ? record->spec.priority : 0;
    reorder(workload, after, workload.recovers);
    count_holding(before, -std::int64_t{workload.holding});
    count_holding(after, workload.holding);
  }
  workload.record = std::move(record);
  judge_recovery(workload);
  drop_empty(uid);
}

void Model::index_labels(const Workload& record, bool more) {
  for (const auto& [key, value] : record.spec.labels) {
    const LabelKey label{record.ns, key, value};
    if (more) {
      by_label_[label].insert(record.uid);
    } else if (const auto at = by_label_.find(label); at != by_label_.end()) {
      at->second.erase(record.uid);
      if (at->second.empty()) by_label_.erase(at);
    }
  }
}

/// Its waiting replicas stand elsewhere in the order of work from now on.
void Model::reorder(WorkloadView& workload, std::uint32_t priority, bool recovers) {
  const auto before = workload.record ? workload.record->spec.priority : 0;
  for (const auto& [slot, created_at] : workload.pending) {
    pending_.erase(Pending{before, workload.recovers, created_at, slot});
    pending_.insert(Pending{priority, recovers, created_at, slot});
  }
  workload.recovers = recovers;
}

void Model::judge_recovery(WorkloadView& workload) {
  std::uint32_t there = workload.standing;
  for (const auto& [version, count] : workload.finished) there += count;
  const bool lacks = workload.lost > 0 && workload.record && there < workload.record->spec.replicas;
  if (const bool recovers = workload.stranded > 0 || lacks; recovers != workload.recovers)
    reorder(workload, workload.record ? workload.record->spec.priority : 0, recovers);
}

void Model::change_stranded(const WorkloadUid& uid, std::int64_t by) {
  auto& workload = workloads_[uid];
  workload.stranded = static_cast<std::uint32_t>(workload.stranded + by);
  judge_recovery(workload);
}

/// What its record says, whatever is assumed of it.
void Model::count_record(const Tenant& known, bool more) {
  const Replica& replica = *known.replica;
  const Part part = part_of(replica);
  auto& workload = workloads_[replica.workload];
  const std::uint32_t by = more ? 1 : ~std::uint32_t{0};  // one more, or one less
  if (part.live) workload.standing += by;
  if (part.holds) {
    workload.holding += by;
    count_holding(workload.record ? workload.record->spec.priority : 0, more ? 1 : -1);
  }
  if (may_serve(replica)) workload.ready += by;
  if (part.lost) workload.lost += by;
  if (part.finished) tally(workload.finished, replica.version, more ? 1 : -1);
  if (part.holds && replica.is_leaving() && !replica.preempted_for.empty()) {
    auto& nodes = stopping_for_[replica.preempted_for];
    tally(nodes, part.node, more ? 1 : -1);
    if (nodes.empty()) stopping_for_.erase(replica.preempted_for);
  }
}

void Model::count_holding(std::uint32_t priority, std::int64_t by) {
  const auto at = holding_.try_emplace(priority, 0).first;
  at->second += static_cast<std::uint64_t>(by);
  if (at->second == 0) holding_.erase(at);
}

std::shared_ptr<const Ask> Model::find_ask(const Replica& replica, const Snapshot& view) {
  auto& workload = workloads_[replica.workload];
  if (const auto known = workload.asks.find(replica.version); known != workload.asks.end())
    return known->second;
  if (const auto version = view.version(replica.workload, replica.version))
    return workload.asks[replica.version] = std::make_shared<const Ask>(
               scheduler::ask_of(std::shared_ptr<const Template>(version, &version->pod)));
  // Nothing else is known of what it was made from.
  if (const auto record = view.workload(replica.workload))
    return std::make_shared<const Ask>(
        scheduler::ask_of(std::shared_ptr<const Template>(record, &record->spec.pod)));
  static const auto nothing = [] {
    Template empty;
    empty.requests = Resources{};
    return std::make_shared<const Ask>(scheduler::ask_of(std::make_shared<const Template>(empty)));
  }();
  return nothing;
}

void Model::put_replica(const std::shared_ptr<const Replica>& replica, const Snapshot& view) {
  const ReplicaSlot slot{replica->workload, replica->ordinal};
  const Part part = part_of(*replica);
  if (find(slot) != nullptr) {
    if (auto& before = known(slot); counts_the_same(before, *replica, part)) {
      const bool was = may_serve(*before.replica), is = may_serve(*replica);
      before.replica = replica;
      before.assumed.reset();
      if (was != is) workloads_[slot.workload].ready += is ? 1 : ~std::uint32_t{0};
      return;
    }
    drop_replica(slot);
  }
  if (!part.matters()) return;
  ++generation_;
  auto ask = find_ask(*replica, view);
  auto& workload = workloads_[slot.workload];
  const auto& added = workload.replicas[slot.ordinal] = Tenant{replica, std::move(ask), nullptr, &workload};
  count_record(added, true);
  enter(slot, added, true);
  judge_recovery(workload);
}

void Model::drop_replica(const ReplicaSlot& slot) {
  const auto* gone = find(slot);
  if (gone == nullptr) return;
  ++generation_;
  enter(slot, *gone, false);
  count_record(*gone, false);
  auto& workload = workloads_[slot.workload];
  judge_recovery(workload);
  workload.replicas.erase(slot.ordinal);
  drop_empty(slot.workload);
}

void Model::enter(const ReplicaSlot& slot, const Tenant& known, bool more) {
  const Part part = known.part();
  if (part.pending) enter_pending(slot, *known.replica, more);
  if (!part.node.empty()) enter_on_node(slot, known, part, more);
}

void Model::enter_pending(const ReplicaSlot& slot, const Replica& replica, bool more) {
  auto& workload = workloads_[slot.workload];
  const Pending key{workload.record ? workload.record->spec.priority : 0, workload.recovers,
                    replica.created_at, slot};
  if (more) {
    workload.pending[slot] = replica.created_at;
    pending_.insert(key);
  } else {
    workload.pending.erase(slot);
    pending_.erase(key);
  }
}

void Model::enter_on_node(const ReplicaSlot& slot, const Tenant& known, const Part& part, bool more) {
  const Ask& ask = *known.ask;
  const bool plain = ask.host_ports.empty() && !part.image && !(part.live && ask.guards);
  touch(part.node, plain ? slot.workload : WorkloadUid{});
  auto& view = nodes_[part.node];
  const std::int64_t sign = more ? 1 : -1;
  if (part.holds) {
    if (more)
      view.tenants.push_back(&known);
    else
      std::erase(view.tenants, &known);
    view.reserved.add(ask.amounts, sign);
    for (const auto gpu : part.gpus)
      if (gpu < view.gpu_used.size())
        view.gpu_used[gpu] += static_cast<std::int32_t>(sign) *
                              (ask.amounts.gpus > 0 ? kWholeGpuThousandths : ask.amounts.gpu_share);
    for (const auto& port : ask.host_ports) tally(view.host_ports, port, sign);
    count_present(view, slot.workload, &Presence::holding, sign);
    if (strands(view.node.get())) change_stranded(slot.workload, sign);
  }
  if (part.image) tally(view.images, ask.pod->image, sign);
  if (part.live) {
    count_present(view, slot.workload, &Presence::live, sign);
    if (view.node) workloads_[slot.workload].live.add(*view.node, sign);
  }
  if (part.live && ask.guards) {
    const VersionKey key{slot.workload, known.replica->version};
    tally(view.guards, key, sign);
    if (view.node) count_guards(key, *view.node, sign);
  }
  if (part.failed) {
    const VersionKey key{slot.workload, known.replica->version};
    ++rules_;
    if (more) {
      failures_[key][part.node][slot] = part.ended_at;
    } else if (auto& nodes = failures_[key]; nodes[part.node].erase(slot) > 0 && nodes[part.node].empty()) {
      nodes.erase(part.node);
      if (nodes.empty()) failures_.erase(key);
    }
  }
  drop_empty(part.node);
}

void Model::assume(const ReplicaSlot& slot, std::unique_ptr<const Part> part) {
  auto& tenant = known(slot);
  enter(slot, tenant, false);
  tenant.assumed = std::move(part);
  enter(slot, tenant, true);
}

void Model::assume(const ReplicaSlot& slot, const NodeId& node, std::vector<std::uint8_t> gpus) {
  Part part;
  part.node = node;
  part.holds = part.live = true;
  part.gpus = std::move(gpus);
  assume(slot, std::make_unique<const Part>(std::move(part)));
}

void Model::assume_leaving(const ReplicaSlot& slot) {
  Part part = known(slot).part();
  part.live = false;
  assume(slot, std::make_unique<const Part>(std::move(part)));
}

void Model::lift(const ReplicaSlot& slot) {
  assume(slot, std::make_unique<const Part>());
}

void Model::withdraw(const ReplicaSlot& slot) {
  assume(slot, nullptr);
}

void Model::touch(const NodeId& id, const WorkloadUid& only) {
  if (!notes_touched_) return;
  if (Touched touched{id, only}; touched_.empty() || touched_.back() != touched)
    touched_.push_back(std::move(touched));
}

std::vector<Touched> Model::take_touched() {
  auto out = std::exchange(touched_, {});
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void Model::drop_empty(const NodeId& id) {
  const auto found = nodes_.find(id);
  if (found != nodes_.end() && !found->second.node && found->second.present.empty() &&
      found->second.images.empty())
    nodes_.erase(found);
}

void Model::drop_empty(const WorkloadUid& uid) {
  const auto found = workloads_.find(uid);
  if (found != workloads_.end() && !found->second.record && found->second.replicas.empty())
    workloads_.erase(found);
}

}  // namespace cloudless::scheduler
