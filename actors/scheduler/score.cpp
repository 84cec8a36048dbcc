#include "actors/scheduler/score.hpp"

#include <algorithm>
#include <cstdlib>

namespace cloudless::scheduler {
namespace {

constexpr std::int32_t kFull = 1000;
constexpr std::int32_t kUnknown = 500;
constexpr std::int32_t kMostOwn = 10;

/// Position in a list of n: 1000 for the first, 1000/n for the last.
std::int32_t rank(const std::vector<std::string>& list, const std::string& name) {
  const auto at = std::find(list.begin(), list.end(), name);
  if (at == list.end()) return 0;
  return kFull -
         kFull * static_cast<std::int32_t>(at - list.begin()) / static_cast<std::int32_t>(list.size());
}

struct Peers {
  std::int64_t all = 0, in_zone = 0, in_region = 0;
};
Peers peers_of(const Demand& d, const Node& node) {
  Peers out;
  for (const auto* crowd : d.peers) {
    out.all += crowd->total;
    out.in_zone += crowd->near(node, Topology::zone);
    out.in_region += crowd->near(node, Topology::region);
  }
  return out;
}

std::int32_t locality(const Demand& d, const NodeView& view, const Peers& peers) {
  const auto near = peers.all == 0 ? kUnknown : static_cast<std::int32_t>(kFull * peers.in_zone / peers.all);
  const bool image = view.images.contains(d.ask->pod->image);
  const auto& where = view.node->description;
  return asked_for(d.placement(), where.region, where.zone) * 4 / 10 + (image ? 300 : 0) + near * 3 / 10;
}

/// Thousandths of the room that are left.
std::int64_t part(std::int64_t left, std::int64_t room) {
  return room > 0 ? (left * ((std::int64_t{kFull} << 16) / room)) >> 16 : 0;
}

std::int32_t utilization(const Demand& d, const NodeView& view) {
  const auto free = view.free();
  const auto& amounts = d.ask->amounts;
  const auto gpus = view.gpus();
  if (amounts.asks_gpu()) return engine::fragmentation_term(gpus, free.cpu, amounts);
  const auto rc = part(free.cpu - amounts.cpu, view.room.cpu);
  const auto rm = part(free.memory - amounts.memory, view.room.memory);
  if (gpus.idle()) return static_cast<std::int32_t>(250 + ((rc - gpus.free_part()) >> 2));
  const auto apart = std::abs(rc - rm);
  const bool pack = d.scoring.mode.value_or(Utilization::pack) == Utilization::pack;
  return static_cast<std::int32_t>((pack ? 4000 - 2 * (rc + rm) - apart : 2 * (rc + rm) - apart) >> 2);
}

bool all_match(const std::vector<LabelExpression>& expressions, const Labels& labels) {
  return std::all_of(expressions.begin(), expressions.end(),
                     [&](const LabelExpression& e) { return e.matches(labels); });
}

std::int32_t own_replicas(const Demand& d, const Node& node) {
  const auto& placement = d.placement();
  const auto topology = spread_topology(placement);
  if (!topology || d.own == nullptr) return 0;
  const auto most = [](std::uint32_t n) {
    return static_cast<std::int32_t>(std::min<std::uint32_t>(n, kMostOwn));
  };
  std::int32_t sum = -kPointsPerReplica * most(d.own->live.near(node, Topology::node));
  if (*topology != Topology::node && !placement.max_skew) {
    const auto here = d.own->live.near(node, *topology), fewest = d.fewest();
    sum -= kPointsPerReplica * most(here > fewest ? here - fewest : 0);
  }
  return sum;
}

std::int32_t wishes(const Demand& d, const Node& node) {
  std::int32_t sum = own_replicas(d, node);
  for (const auto& term : d.placement().affinity)
    if (!term.required && !term.node_expressions.empty() && all_match(term.node_expressions, node.labels))
      sum += kPointsPerWeight * static_cast<std::int32_t>(term.weight);
  for (const auto& towards : d.preferred)
    if (towards.near(node) > 0) sum += kPointsPerWeight * static_cast<std::int32_t>(towards.term->weight);
  for (const auto& towards : d.preferred_away)
    if (towards.near(node) > 0) sum -= kPointsPerWeight * static_cast<std::int32_t>(towards.term->weight);
  if (would_rather_not(d.placement(), node)) sum -= kPointsPerReplica;
  return sum;
}

}  // namespace

std::int32_t reliability_of(const Node& node) {
  return kFull - 200 * static_cast<std::int32_t>(std::min<std::uint32_t>(5, node.recent_losses));
}

std::int32_t cost_of(const Node& node) {
  const auto milli = node.description.cost_milli;
  if (milli == 0) return kUnknown;
  constexpr std::uint64_t most = 1'000'000;  // beyond that it is 0
  return static_cast<std::int32_t>(1'000'000 / (1000 + std::min(milli, most)));
}

std::int32_t latency_of(const Node& node) {
  return static_cast<std::int32_t>(5 * std::min<std::uint32_t>(node.link_rtt_ms, 100));
}

std::int32_t asked_for(const Placement& placement, const std::string& region, const std::string& zone) {
  if (!placement.zones.empty()) return rank(placement.zones, zone);
  if (!placement.regions.empty()) return rank(placement.regions, region);
  return kUnknown;
}

bool would_rather_not(const Placement& placement, const Node& node) {
  return std::any_of(node.taints.begin(), node.taints.end(), [&](const Taint& t) {
    return t.effect == TaintEffect::prefer_no_schedule && !tolerates(placement.tolerations, t);
  });
}

engine::Weights weights_of(const Scoring& s) {
  const auto weight = [](const std::optional<std::uint32_t>& own, std::uint32_t usual) {
    return static_cast<std::int32_t>(std::min<std::uint32_t>(own.value_or(usual), kFull));
  };
  return {weight(s.locality, kLocalityWeight), weight(s.reliability, kReliabilityWeight),
          weight(s.cost, kCostWeight), weight(s.utilization, kUtilizationWeight),
          weight(s.network, kNetworkWeight)};
}

ScoreTerms score(const Demand& d, const NodeView& view) {
  const Node& node = *view.node;
  const Peers peers = peers_of(d, node);
  const auto weights = weights_of(d.scoring);
  const bool far = peers.all > 0 && peers.in_region == 0;
  ScoreTerms terms;
  terms.locality = {locality(d, view, peers), weights.locality};
  terms.reliability = {reliability_of(node), weights.reliability};
  terms.cost = {cost_of(node), weights.cost};
  terms.utilization = {utilization(d, view), weights.utilization};
  terms.network = {latency_of(node) + (far ? 500 : 0), weights.network};
  terms.wishes = wishes(d, node);
  return terms;
}

}  // namespace cloudless::scheduler
