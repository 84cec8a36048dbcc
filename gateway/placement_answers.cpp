#include "gateway/placement_answers.hpp"

#include <string>
#include <utility>

#include "actors/scheduler/explain.hpp"

namespace cloudless::gateway {
namespace {

void write_place_term(const char* name, const scheduler::Term& term, std::int64_t sign,
                      api::PlaceScore& out) {
  auto& wire = *out.add_terms();
  wire.set_name(name);
  wire.set_value(static_cast<std::uint32_t>(term.value));
  wire.set_weight_milli(static_cast<std::uint32_t>(term.weight));
  wire.set_points(sign * term.points());
}

}  // namespace

void write_place(const NodeId& node, const scheduler::ScoreTerms& terms, api::PlaceScore& out) {
  out.set_node_id(node.value);
  out.set_score(terms.total());
  write_place_term("locality", terms.locality, 1, out);
  write_place_term("reliability", terms.reliability, 1, out);
  write_place_term("cost", terms.cost, 1, out);
  write_place_term("utilization", terms.utilization, 1, out);
  write_place_term("network", terms.network, -1, out);
  auto& wishes = *out.add_terms();
  wishes.set_name("wishes");
  wishes.set_points(terms.wishes);
}

void write_unplaced(const scheduler::Demand& demand, api::PlacementExplanation& out) {
  const auto explanation = scheduler::explain_unplaced(demand);
  out.set_nodes(explanation.nodes);
  out.set_fitting_nodes(explanation.fitting);
  for (const auto& rejection : explanation.rejections) {
    auto& wire = *out.add_rejections();
    wire.set_filter(scheduler::to_string(rejection.filter));
    wire.set_nodes(rejection.nodes);
  }
  for (const auto& miss : explanation.nearest) {
    auto& wire = *out.add_nearest();
    wire.set_node_id(miss.node.value);
    for (const auto& lack : miss.lacks) wire.add_lacks(lack);
  }
  out.set_remedy(explanation.remedy);
  out.set_text(explanation.fitting > 0
                   ? "waits to be placed: " + std::to_string(explanation.fitting) + " of " +
                         std::to_string(explanation.nodes) + " nodes would take it"
                   : scheduler::in_words(explanation));
}

void write_why_not(const Snapshot& planned, const ReplicaSlot& slot, Millis now,
                   api::PlacementExplanation& out) {
  scheduler::Model model;
  model.load(planned);
  if (const auto replica = model.replica(slot)) out.set_replica_id(replica->id.value);
  out.set_state(api::Replica::PENDING);
  write_unplaced(scheduler::demand_of(model, slot, now), out);
}

}  // namespace cloudless::gateway
