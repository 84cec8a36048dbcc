#include "gateway/plan_answer.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "actors/scheduler/what_if.hpp"
#include "actors/workload_state/budget.hpp"
#include "gateway/placement_answers.hpp"
#include "gateway/spec_diff.hpp"
#include "messages/codec/api_spec.hpp"

namespace cloudless::gateway {
namespace {

constexpr std::uint64_t kMostPlanned = 100'000;
constexpr int kMostListed = 100;

/// Collects what is said of each workload, and puts it in order.
class PlanWriter {
 public:
  PlanWriter(const Snapshot& snapshot, const scheduler::WhatIf& plan, Millis now)
      : snapshot_(snapshot), plan_(plan), now_(now) {}

  /// `change` of workloads that are asked about; others are in the answer if something of theirs moves.
  void add(const WorkloadUid& uid, api::PlannedWorkload::Change change) {
    const auto workload = plan_.view().workload(uid);
    const auto present = snapshot_.workload(uid);
    auto& out = entry(*workload);
    out.set_change(change);
    if (!present) return;
    if (present->spec.pod != workload->spec.pod) out.set_new_version(true);
    for (auto& difference : differences(codec::to_api(present->spec), codec::to_api(workload->spec))) {
      auto& field = *out.add_fields();
      field.set_path(std::move(difference.path));
      field.set_before(std::move(difference.before));
      field.set_after(std::move(difference.after));
    }
  }

  void finish(const std::set<NodeId>& lost, api::PlanReply& out) {
    for (const auto& place : plan_.places())
      if (!place.was_on.empty() || entries_.count(place.slot.workload) > 0) add_place(place);
    for (const auto& [slot, node] : plan_.was_on()) entry_of(slot.workload);
    std::vector<std::pair<std::tuple<std::int64_t, std::string, std::string>, WorkloadUid>> order;
    for (auto& [uid, entry] : entries_) {
      const auto workload = plan_.view().workload(uid);
      order.push_back({{-std::int64_t{workload->spec.priority}, workload->ns, workload->name}, uid});
      add_waiting(uid, entry);
      add_serving(uid, lost, entry);
    }
    std::sort(order.begin(), order.end());
    for (const auto& [key, uid] : order) *out.add_workloads() = std::move(entries_.at(uid));
    out.set_store_revision(snapshot_.revision());
  }

 private:
  api::PlannedWorkload& entry(const Workload& workload) {
    const auto [found, is_new] = entries_.try_emplace(workload.uid);
    auto& out = found->second;
    if (!is_new) return out;
    const auto present = snapshot_.workload(workload.uid);
    out.set_namespace_(workload.ns);
    out.set_name(workload.name);
    out.set_change(api::PlannedWorkload::MOVED);
    out.set_replicas_before(present ? present->spec.replicas : 0);
    out.set_replicas_after(workload.spec.replicas);
    out.set_min_available(bounds_of(workload.spec.rollout, workload.spec.replicas).min_available);
    return out;
  }
  api::PlannedWorkload& entry_of(const WorkloadUid& uid) { return entry(*plan_.view().workload(uid)); }

  void add_place(const scheduler::PlannedPlace& place) {
    auto& out = entry_of(place.slot.workload);
    out.set_placed(out.placed() + 1);
    if (out.replicas_size() >= kMostListed) return;
    auto& wire = *out.add_replicas();
    if (!place.was_on.empty()) {
      wire.set_from_node_id(place.was_on.value);
      wire.set_replica_id(plan_.view().replicas().find(place.slot)->get()->id.value);
    }
    write_place(place.node, place.terms, *wire.mutable_place());
    for (const auto gpu : place.gpus) wire.add_gpus(gpu);
    for (const auto& evicted : place.evicts) wire.add_evicts(evicted.value);
  }

  void add_waiting(const WorkloadUid& uid, api::PlannedWorkload& out) const {
    const auto waiting = plan_.waiting(uid);
    out.set_unplaced(static_cast<std::uint32_t>(waiting.size()));
    if (!waiting.empty()) write_why_not(plan_.view(), waiting.front(), now_, *out.mutable_why_not());
  }

  void add_serving(const WorkloadUid& uid, const std::set<NodeId>& lost, api::PlannedWorkload& out) const {
    const auto present = snapshot_.workload(uid);
    if (!present) return;
    const auto serving = workload_state::availability_of(snapshot_, *present, now_);
    out.set_serving_now(serving.counting);
    std::uint32_t left = serving.counting;
    for (const auto& [node, count] : serving.on_node) left -= lost.count(node) > 0 ? count : 0;
    out.set_serving_left(left);
  }

  const Snapshot& snapshot_;
  const scheduler::WhatIf& plan_;
  Millis now_;
  std::map<WorkloadUid, api::PlannedWorkload> entries_;
};

Result<std::set<NodeId>> lost_nodes(const Snapshot& snapshot, const api::PlanRequest::Lose& loss) {
  std::set<NodeId> out;
  for (const auto& id : loss.node_ids()) {
    if (!snapshot.node(NodeId{id})) return fail(Errc::not_found, "node " + id + " does not exist");
    out.insert(NodeId{id});
  }
  if (loss.zone().empty() && loss.region().empty()) {
    if (out.empty()) return fail(Errc::invalid_argument, "nothing is lost: name nodes, a zone or a region");
    return out;
  }
  const auto before = out.size();
  snapshot.nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& node) {
    const auto& described = node->description;
    if ((loss.zone().empty() || described.zone == loss.zone()) &&
        (loss.region().empty() || described.region == loss.region()))
      out.insert(id);
  });
  if (out.size() == before)
    return fail(Errc::not_found, "no node is in " + (loss.zone().empty() ? "" : "zone " + loss.zone()) +
                                     (loss.zone().empty() || loss.region().empty() ? "" : " of ") +
                                     (loss.region().empty() ? "" : "region " + loss.region()));
  return out;
}

}  // namespace

Result<void> plan_targets(const Snapshot& snapshot, const std::vector<codec::PlanTarget>& targets, Millis now,
                          api::PlanReply& out) {
  scheduler::WhatIf plan(snapshot, now);
  std::vector<std::pair<WorkloadUid, api::PlannedWorkload::Change>> changes;
  std::uint64_t planned = 0;
  for (const auto& target : targets) {
    const auto present = snapshot.workload(target.name.ns, target.name.name);
    auto spec = target.spec;
    if (present && target.keep_replicas) spec.replicas = present->spec.replicas;
    planned += spec.replicas;
    if (planned > kMostPlanned)
      return fail(Errc::invalid_argument,
                  "these workloads have more than 100000 replicas together; plan fewer at a time");
    if (!present) {
      changes.emplace_back(plan.create(target.name.ns, target.name.name, spec),
                           api::PlannedWorkload::CREATED);
    } else if (spec == present->spec) {
      changes.emplace_back(present->uid, api::PlannedWorkload::UNCHANGED);
    } else {
      plan.update(*present, spec);
      changes.emplace_back(present->uid, api::PlannedWorkload::UPDATED);
    }
  }
  plan.place();
  PlanWriter answer(snapshot, plan, now);
  for (const auto& [uid, change] : changes) answer.add(uid, change);
  answer.finish({}, out);
  return {};
}

Result<void> plan_drain(const Snapshot& snapshot, const NodeId& node, Millis now, api::PlanReply& out) {
  if (!snapshot.node(node)) return fail(Errc::not_found, "node " + node.value + " does not exist");
  scheduler::WhatIf plan(snapshot, now);
  plan.drain(node);
  plan.place();
  out.add_node_ids(node.value);
  PlanWriter(snapshot, plan, now).finish({}, out);
  return {};
}

Result<void> plan_loss(const Snapshot& snapshot, const api::PlanRequest::Lose& loss, Millis now,
                       api::PlanReply& out) {
  const auto lost = lost_nodes(snapshot, loss);
  if (!lost) return fail(lost.error());
  scheduler::WhatIf plan(snapshot, now);
  plan.lose({lost->begin(), lost->end()});
  plan.place();
  for (const auto& node : *lost) out.add_node_ids(node.value);
  PlanWriter(snapshot, plan, now).finish(*lost, out);
  return {};
}

void write_moves(const Snapshot& snapshot, const scheduler::RebalancePlan& plan, api::RebalanceReply& out) {
  out.set_considered(plan.considered);
  out.set_store_revision(snapshot.revision());
  for (const auto& move : plan.moves) {
    auto& wire = *out.add_moves();
    if (const auto workload = snapshot.workload(move.workload)) {
      wire.set_namespace_(workload->ns);
      wire.set_workload(workload->name);
    }
    wire.set_replica_id(move.replica.value);
    write_place(move.from, move.from_terms, *wire.mutable_from());
    for (const auto& lack : move.lacks) wire.mutable_from()->add_lacks(lack);
    write_place(move.to, move.to_terms, *wire.mutable_to());
  }
}

}  // namespace cloudless::gateway
