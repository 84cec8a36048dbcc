#include "messages/codec/placement_message.hpp"

#include "messages/codec/message_bytes.hpp"

namespace cloudless::codec {
namespace {

const char* name_of(Spread spread) {
  switch (spread) {
    case Spread::node:
      return "node";
    case Spread::zone:
      return "zone";
    case Spread::region:
      return "region";
    case Spread::none:
      return "none";
  }
  return "node";
}

void write_term(const AffinityTerm& term, api::AffinityTerm& out) {
  out.set_topology_key(to_string(term.topology));
  out.set_required(term.required);
  write_labels(term.workload_selector, *out.mutable_workload_selector());
  for (const auto& expression : term.node_expressions) {
    auto& wire = *out.add_node_expressions();
    wire.set_key(expression.key);
    wire.set_operator_(static_cast<api::LabelExpression::Operator>(expression.op));
    for (const auto& value : expression.values) wire.add_values(value);
  }
  out.set_weight(term.weight);
}

bool read_term(const api::AffinityTerm& wire, AffinityTerm& out) {
  const auto topology = topology_of(wire.topology_key());
  if (!topology) return false;
  out.topology = *topology;
  out.required = wire.required();
  read_labels(wire.workload_selector(), out.workload_selector);
  for (const auto& expression : wire.node_expressions()) {
    auto& read = out.node_expressions.emplace_back();
    read.key = expression.key();
    read.values.assign(expression.values().begin(), expression.values().end());
    if (!read_enum(expression.operator_(), LabelOperator::in, LabelOperator::less, read.op)) return false;
  }
  out.weight = wire.weight() == 0 ? 1 : wire.weight();
  return out.workload_selector.empty() != out.node_expressions.empty();
}

bool read_toleration(const api::Toleration& wire, Toleration& out) {
  out.key = wire.key();
  out.value = wire.value();
  if (wire.has_toleration_seconds()) out.seconds = wire.toleration_seconds();
  if (wire.effect() == api::TAINT_EFFECT_UNSPECIFIED) return true;
  return read_enum(wire.effect(), TaintEffect::no_schedule, TaintEffect::no_execute, out.effect.emplace());
}

}  // namespace

std::optional<Topology> topology_of(const std::string& key) {
  if (key == "node" || key == "kubernetes.io/hostname") return Topology::node;
  if (key == "zone") return Topology::zone;
  if (key == "region") return Topology::region;
  return std::nullopt;
}

std::optional<Spread> spread_of(const std::string& name) {
  for (const auto spread : {Spread::node, Spread::zone, Spread::region, Spread::none})
    if (name == name_of(spread)) return spread;
  return name.empty() ? std::optional{Spread::node} : std::nullopt;
}

void write_placement(const Placement& placement, api::WorkloadSpec& spec) {
  if (placement == Placement{}) return;
  auto& out = *spec.mutable_placement();
  for (const auto& region : placement.regions) out.add_regions(region);
  for (const auto& zone : placement.zones) out.add_zones(zone);
  for (const auto& architecture : placement.architectures) out.add_architectures(architecture);
  write_labels(placement.node_selector, *out.mutable_node_selector());
  for (const auto& term : placement.affinity) write_term(term, *out.add_affinity());
  for (const auto& term : placement.anti_affinity) write_term(term, *out.add_anti_affinity());
  for (const auto& toleration : placement.tolerations) {
    auto& wire = *out.add_tolerations();
    wire.set_key(toleration.key);
    wire.set_value(toleration.value);
    if (toleration.effect) wire.set_effect(static_cast<api::TaintEffect>(*toleration.effect));
    if (toleration.seconds) wire.set_toleration_seconds(*toleration.seconds);
  }
  out.set_spread_topology(name_of(placement.spread));
  if (placement.max_skew) out.set_max_skew(*placement.max_skew);
}

bool read_placement(const api::WorkloadSpec& spec, Placement& out) {
  const auto& wire = spec.placement();
  out.regions.assign(wire.regions().begin(), wire.regions().end());
  out.zones.assign(wire.zones().begin(), wire.zones().end());
  out.architectures.assign(wire.architectures().begin(), wire.architectures().end());
  read_labels(wire.node_selector(), out.node_selector);
  for (const auto& term : wire.affinity())
    if (!read_term(term, out.affinity.emplace_back())) return false;
  for (const auto& term : wire.anti_affinity())
    if (!read_term(term, out.anti_affinity.emplace_back())) return false;
  for (const auto& toleration : wire.tolerations())
    if (!read_toleration(toleration, out.tolerations.emplace_back())) return false;
  const auto spread = spread_of(wire.spread_topology());
  if (!spread) return false;
  out.spread = *spread;
  if (wire.has_max_skew()) out.max_skew = wire.max_skew();
  return true;
}

void write_scoring(const Scoring& scoring, api::WorkloadSpec& spec) {
  if (scoring == Scoring{}) return;
  auto& out = *spec.mutable_scoring();
  if (scoring.locality) out.set_locality_milli(*scoring.locality);
  if (scoring.reliability) out.set_reliability_milli(*scoring.reliability);
  if (scoring.cost) out.set_cost_milli(*scoring.cost);
  if (scoring.utilization) out.set_utilization_milli(*scoring.utilization);
  if (scoring.network) out.set_network_milli(*scoring.network);
  if (scoring.mode) out.set_mode(static_cast<api::Scoring::Mode>(*scoring.mode));
}

bool read_scoring(const api::WorkloadSpec& spec, Scoring& out) {
  const auto& wire = spec.scoring();
  if (wire.has_locality_milli()) out.locality = wire.locality_milli();
  if (wire.has_reliability_milli()) out.reliability = wire.reliability_milli();
  if (wire.has_cost_milli()) out.cost = wire.cost_milli();
  if (wire.has_utilization_milli()) out.utilization = wire.utilization_milli();
  if (wire.has_network_milli()) out.network = wire.network_milli();
  if (wire.mode() == api::Scoring::MODE_UNSPECIFIED) return true;
  return read_enum(wire.mode(), Utilization::pack, Utilization::balance, out.mode.emplace());
}

}  // namespace cloudless::codec
