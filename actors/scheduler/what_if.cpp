#include "actors/scheduler/what_if.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <utility>

#include "actors/scheduler/scheduler.hpp"

namespace cloudless::scheduler {
namespace {

constexpr WallMillis kNewest = std::numeric_limits<WallMillis>::max();
constexpr WallMillis kOldest = std::numeric_limits<WallMillis>::min();
constexpr std::size_t kAtOnce = 1'000'000;
/// Evictions may make room for others, and these again.
constexpr int kMostRounds = 64;

/// No server makes such a uid: theirs are hexadecimal.
WorkloadUid planned_uid(std::size_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "plan%06zu", number % 1'000'000);
  return WorkloadUid{text};
}

bool is_alive(const Replica& replica) {
  return !is_terminal(replica.phase) && !replica.is_leaving();
}

/// Ended by itself under the version that stays: it is not replaced.
bool stays_ended(const Replica& replica, std::uint64_t version) {
  return replica.version == version && !replica.is_leaving() &&
         (replica.phase == Phase::succeeded || replica.phase == Phase::failed);
}

}  // namespace

void WhatIf::lift(const Replica& replica, WallMillis created_at) {
  Replica waiting;
  waiting.id = replica.id;
  waiting.workload = replica.workload;
  waiting.ordinal = replica.ordinal;
  waiting.version = replica.version;
  waiting.created_at = created_at;
  if (!replica.node.empty()) was_on_.try_emplace({replica.workload, replica.ordinal}, replica.node);
  view_.apply(put(std::make_shared<const Replica>(std::move(waiting))));
}

void WhatIf::add(Workload& workload, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    Replica replica;
    replica.workload = workload.uid;
    replica.ordinal = workload.next_ordinal++;
    replica.id = replica_id(workload.name, workload.uid, replica.ordinal);
    replica.version = workload.version;
    replica.created_at = kNewest;
    view_.apply(put(std::make_shared<const Replica>(std::move(replica))));
  }
}

WorkloadUid WhatIf::create(const std::string& ns, const std::string& name, const WorkloadSpec& spec) {
  Workload workload;
  workload.uid = planned_uid(view_.workloads().size());
  workload.ns = ns;
  workload.name = name;
  workload.spec = spec;
  view_.apply(put(std::make_shared<const Version>(Version{workload.uid, workload.version, spec.pod})));
  view_.apply(put(std::make_shared<const Workload>(workload)));
  add(workload, spec.replicas);
  const auto uid = workload.uid;
  view_.apply(put(std::make_shared<const Workload>(std::move(workload))));
  return uid;
}

void WhatIf::update(const Workload& present, const WorkloadSpec& spec) {
  Workload workload = present;
  workload.spec = spec;
  const bool replaced = spec.pod != present.spec.pod;
  if (replaced) {
    workload.version = ++workload.latest_version;
    view_.apply(put(std::make_shared<const Version>(Version{workload.uid, workload.version, spec.pod})));
  }
  view_.apply(put(std::make_shared<const Workload>(workload)));
  std::uint32_t filled = 0;
  for (const auto& replica : view_.replicas_of(workload.uid)) {
    if (stays_ended(*replica, workload.version)) ++filled;
    if (!is_alive(*replica)) continue;
    if (++filled > spec.replicas) {
      view_.apply(erase(replica_key(replica->id)));
    } else if (replaced) {
      Replica next = *replica;
      next.version = workload.version;
      lift(next, kNewest);
    }
  }
  if (filled < spec.replicas) add(workload, spec.replicas - filled);
  view_.apply(put(std::make_shared<const Workload>(std::move(workload))));
}

void WhatIf::drain(const NodeId& id) {
  Node node = *view_.node(id);
  node.draining = true;
  view_.apply(put(std::make_shared<const Node>(std::move(node))));
  for (const auto& replica : view_.replicas_on(id))
    if (is_alive(*replica)) lift(*replica, kNewest);
}

void WhatIf::lose(const std::vector<NodeId>& nodes) {
  for (const auto& id : nodes) {
    Node node = *view_.node(id);
    node.state = NodeState::offline;
    view_.apply(put(std::make_shared<const Node>(std::move(node))));
  }
  for (const auto& id : nodes)
    for (const auto& replica : view_.replicas_on(id)) {
      if (is_alive(*replica))
        lift(*replica, kOldest);
      else if (!is_terminal(replica->phase))
        view_.apply(erase(replica_key(replica->id)));
    }
}

/// Carries the scheduler's proposals out in the view.
class WhatIf::Placing {
 public:
  explicit Placing(WhatIf& plan) : plan_(plan) {
    const auto view = std::make_shared<const Snapshot>(plan.view_);
    scheduler_.load(view);
    model_.load(*view);
  }

  /// False: nothing has changed, and nothing will.
  bool round() {
    for (const auto& item : scheduler_.propose(kAtOnce, plan_.now_)) {
      if (const auto* assign = std::get_if<AssignReplica>(&item)) take(*assign);
      if (const auto* gang = std::get_if<AssignGang>(&item))
        for (const auto& member : gang->members) take(member);
      if (const auto* stop = std::get_if<StopReplica>(&item)) evict(*stop);
    }
    scheduler_.apply(commits_, std::make_shared<const Snapshot>(plan_.view_));
    const bool has_more = scheduler_.wake_at() && *scheduler_.wake_at() <= plan_.now_;
    return !std::exchange(commits_, {}).empty() || has_more;
  }

 private:
  void take(const AssignReplica& item) {
    Replica replica = *plan_.view_.replica(item.replica);
    const ReplicaSlot slot{replica.workload, replica.ordinal};
    PlannedPlace place;
    place.slot = slot;
    place.node = item.node;
    place.gpus = item.gpus;
    if (const auto was = plan_.was_on_.find(slot); was != plan_.was_on_.end()) place.was_on = was->second;
    if (const auto evicted = evicted_for_.find(item.replica); evicted != evicted_for_.end())
      place.evicts = evicted->second;
    if (valued_[slot.workload]++ < kTermsPerWorkload)
      place.terms = score(demand_of(model_, slot, plan_.now_), model_.nodes().at(item.node));
    plan_.places_.push_back(std::move(place));
    replica.phase = Phase::assigned;
    replica.node = item.node;
    replica.gpus = item.gpus;
    change(put(std::make_shared<const Replica>(std::move(replica))));
  }

  /// As when it has stopped: another one in its place waits.
  void evict(const StopReplica& item) {
    const auto victim = plan_.view_.replica(item.replica);
    if (!victim || victim->node.empty()) return;
    evicted_for_[item.for_replica].push_back(item.replica);
    plan_.lift(*victim, kNewest);
    change(put(plan_.view_.replica(item.replica)));
  }

  void change(Change change) {
    plan_.view_.apply(change);
    commits_.push_back(Commit{plan_.view_.revision(), {std::move(change)}});
    model_.apply(commits_.back(), plan_.view_);
  }

  WhatIf& plan_;
  Scheduler scheduler_{Reasons::left_out};
  Model model_;
  std::vector<Commit> commits_;
  std::map<ReplicaId, std::vector<ReplicaId>> evicted_for_;
  std::map<WorkloadUid, std::size_t> valued_;
};

void WhatIf::end_what_stops() {
  std::vector<ReplicaId> stopping;
  view_.replicas().for_each([&](const ReplicaSlot&, const std::shared_ptr<const Replica>& replica) {
    if (!is_terminal(replica->phase) && replica->is_leaving()) stopping.push_back(replica->id);
  });
  for (const auto& id : stopping) view_.apply(erase(replica_key(id)));
}

void WhatIf::place() {
  end_what_stops();
  Placing placing(*this);
  for (int round = 0; round < kMostRounds && placing.round(); ++round) {
  }
}

std::vector<ReplicaSlot> WhatIf::waiting(const WorkloadUid& workload) const {
  std::vector<ReplicaSlot> out;
  for (const auto& replica : view_.replicas_of(workload))
    if (replica->phase == Phase::pending && !replica->is_leaving())
      out.push_back({replica->workload, replica->ordinal});
  return out;
}

}  // namespace cloudless::scheduler
