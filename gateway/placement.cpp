// Why replicas are where they are, where they would go, and what a node's room is reserved for: computed from
// the mirror by the scheduler's own rules.
#include <memory>
#include <utility>

#include "actors/scheduler/explain.hpp"
#include "actors/scheduler/what_if.hpp"
#include "actors/workload_state/command.hpp"
#include "actors/workload_state/fragments.hpp"
#include "gateway/placement_answers.hpp"
#include "gateway/unary.hpp"
#include "messages/codec/api_command.hpp"
#include "messages/codec/api_spec.hpp"
#include "messages/codec/spec_message.hpp"

namespace cloudless::gateway {
namespace {

constexpr std::uint32_t kMostTried = 100;

void write_placed(const scheduler::PlaceExplanation& explanation, api::PlacementExplanation& out) {
  write_place(explanation.node, explanation.terms, *out.mutable_place());
  std::string text = "is on node " + explanation.node.value + " with a score of " +
                     std::to_string(explanation.terms.total());
  for (const auto& lack : explanation.lacks) {
    out.mutable_place()->add_lacks(lack);
    text += ", which now " + lack;
  }
  if (explanation.runner_up) {
    write_place(explanation.runner_up->node, explanation.runner_up->terms, *out.mutable_runner_up());
    text += "; the best other node is " + explanation.runner_up->node.value + " with " +
            std::to_string(explanation.runner_up->terms.total());
  } else {
    text += "; no other node would take it";
  }
  out.set_text(std::move(text));
}

/// The named replica, or the workload's first one without a node, else its first live one.
Result<std::shared_ptr<const Replica>> explained_replica(const Snapshot& snapshot,
                                                         const api::ExplainPlacementRequest& request) {
  if (!request.replica_id().empty()) {
    if (!request.name().empty())
      return fail(Errc::invalid_argument, "name and replica_id are both given; leave one of them out");
    if (auto replica = snapshot.replica(ReplicaId{request.replica_id()})) return replica;
    return fail(Errc::not_found, "replica " + request.replica_id() + " does not exist");
  }
  const auto name = codec::parse_name(request.namespace_(), request.name());
  if (!name) return fail(name.error());
  const auto workload = snapshot.workload(name->ns, name->name);
  if (!workload) return fail(Errc::not_found, "workload " + name->ns + "/" + name->name + " does not exist");
  std::shared_ptr<const Replica> first;
  for (const auto& replica : snapshot.replicas_of(workload->uid)) {
    if (is_terminal(replica->phase)) continue;
    if (replica->phase == Phase::pending) return replica;
    if (!first) first = replica;
  }
  if (first) return first;
  return fail(Errc::failed_precondition,
              "workload " + name->ns + "/" + name->name + " has no replica that has not ended");
}

Result<void> explain_placement(const Snapshot& snapshot, const api::ExplainPlacementRequest& request,
                               Millis now, api::PlacementExplanation& out) {
  const auto found = explained_replica(snapshot, request);
  if (!found) return fail(found.error());
  const Replica& replica = **found;
  out.set_replica_id(replica.id.value);
  out.set_state(static_cast<api::Replica::State>(replica.phase));
  out.set_store_revision(snapshot.revision());
  scheduler::Model model;
  model.load(snapshot);
  const ReplicaSlot slot{replica.workload, replica.ordinal};
  if (replica.phase == Phase::pending) {
    write_unplaced(scheduler::demand_of(model, slot, now), out);
    return {};
  }
  const auto placed = scheduler::explain_placed(model, slot, now);
  if (!placed)
    return fail(Errc::failed_precondition, "replica " + replica.id.value + " is " + to_string(replica.phase) +
                                               ", on no node that exists");
  write_placed(*placed, out);
  return {};
}

Result<void> try_schedule(const Snapshot& snapshot, const api::ScheduleRequest& request, const Scoring& usual,
                          Millis now, api::ScheduleReply& out) {
  if (!request.dry_run())
    return fail(Errc::invalid_argument,
                "dry_run must be true: what is created is placed without being asked for, by CreateWorkload");
  const auto name = codec::parse_name(request.namespace_(), "dry-run");
  if (!name) return fail(name.error());
  auto spec = codec::parse_spec(request.spec());
  if (!spec) return fail(spec.error());
  spec->scoring = workload_state::completed(spec->scoring, usual);
  if (spec->replicas > kMostTried)
    return fail(Errc::invalid_argument, "spec.replicas is " + std::to_string(spec->replicas) +
                                            "; at most 100 are tried, ask for fewer");
  scheduler::WhatIf plan(snapshot, now);
  const auto uid = plan.create(name->ns, name->name, *spec);
  plan.place();
  for (const auto& place : plan.places()) {
    if (place.slot.workload != uid) continue;
    auto& decision = *out.add_decisions();
    decision.set_index(static_cast<std::uint32_t>(place.slot.ordinal));
    write_place(place.node, place.terms, *decision.mutable_place());
    for (const auto gpu : place.gpus) decision.add_gpus(gpu);
    for (const auto& evicted : place.evicts) decision.add_evicts(evicted.value);
  }
  const auto waiting = plan.waiting(uid);
  out.set_unplaced(static_cast<std::uint32_t>(waiting.size()));
  if (!waiting.empty()) write_why_not(plan.view(), waiting.front(), now, *out.mutable_why_not());
  out.set_store_revision(snapshot.revision());
  return {};
}

void list_fragments(const Snapshot& snapshot, const Node& node, api::GetFragmentsReply& out) {
  const auto fragments = workload_state::fragments_of(snapshot, node);
  auto& system = *out.add_fragments();
  system.set_id("system");
  system.set_kind(api::Fragment::SYSTEM);
  codec::write(fragments.system, *system.mutable_resources());
  codec::write(fragments.reservable, *out.mutable_reservable());
  for (const auto& [replica, resources] : fragments.replicas) {
    auto& fragment = *out.add_fragments();
    fragment.set_id(replica->id.value);
    fragment.set_kind(api::Fragment::REPLICA);
    codec::write(resources, *fragment.mutable_resources());
    for (const auto gpu : replica->gpus) fragment.add_gpus(gpu);
    if (const auto workload = snapshot.workload(replica->workload)) {
      fragment.set_namespace_(workload->ns);
      fragment.set_workload(workload->name);
    }
    fragment.set_leaving(replica->is_leaving());
  }
  codec::write(fragments.free, *out.mutable_free());
  out.set_store_revision(snapshot.revision());
}

}  // namespace

grpc::ServerUnaryReactor* Service::ExplainPlacement(Context* context,
                                                    const api::ExplainPlacementRequest* request,
                                                    api::PlacementExplanation* reply) {
  return work_out(context, Method::explain_placement,
                  [this, request, reply](const Snapshot& snapshot) -> Result<void> {
                    return explain_placement(snapshot, *request, now_of(parts_).store, *reply);
                  });
}

grpc::ServerUnaryReactor* Service::Schedule(Context* context, const api::ScheduleRequest* request,
                                            api::ScheduleReply* reply) {
  return work_out(
      context, Method::schedule, [this, request, reply](const Snapshot& snapshot) -> Result<void> {
        return try_schedule(snapshot, *request, parts_.usual_scoring, now_of(parts_).store, *reply);
      });
}

grpc::ServerUnaryReactor* Service::GetFragments(Context* context, const api::GetFragmentsRequest* request,
                                                api::GetFragmentsReply* reply) {
  return read(context, Method::get_fragments, 0, [request, reply](const Snapshot& snapshot) -> Result<void> {
    const auto node = snapshot.node(NodeId{request->node_id()});
    if (!node) return fail(Errc::not_found, "node " + request->node_id() + " does not exist");
    list_fragments(snapshot, *node, *reply);
    return {};
  });
}

}  // namespace cloudless::gateway
