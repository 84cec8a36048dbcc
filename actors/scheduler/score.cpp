#include "actors/scheduler/score.hpp"

#include <algorithm>
#include <cstdlib>

namespace cloudless::scheduler {
namespace {

constexpr std::int32_t kFull = 1000;
constexpr std::int32_t kUnknown = 500;
constexpr std::int32_t kPerWish = 1000;
constexpr std::int32_t kPerOwnReplica = 100'000;
constexpr std::int32_t kMostOwn = 10;

/// Position in a list of n: 1000 for the first, 1000/n for the last.
std::int32_t rank(const std::vector<std::string>& list, const std::string& name) {
  const auto at = std::find(list.begin(), list.end(), name);
  if (at == list.end()) return 0;
  return kFull -
         kFull * static_cast<std::int32_t>(at - list.begin()) / static_cast<std::int32_t>(list.size());
}

std::int32_t asked(const Demand& d, const Node& node) {
  const auto& placement = d.placement();
  if (!placement.zones.empty()) return rank(placement.zones, node.description.zone);
  if (!placement.regions.empty()) return rank(placement.regions, node.description.region);
  return kUnknown;
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
  return asked(d, *view.node) * 4 / 10 + (image ? 300 : 0) + near * 3 / 10;
}

std::int32_t reliability(const Node& node) {
  return kFull - 200 * static_cast<std::int32_t>(std::min<std::uint32_t>(5, node.recent_losses));
}

std::int32_t cost(const Node& node) {
  const auto milli = node.description.cost_milli;
  if (milli == 0) return kUnknown;
  constexpr std::uint64_t most = 1'000'000;  // beyond that it is 0
  return static_cast<std::int32_t>(1'000'000 / (1000 + std::min(milli, most)));
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

std::int32_t network(const Node& node, const Peers& peers) {
  const auto latency = std::min<std::uint32_t>(500, 5 * std::min<std::uint32_t>(node.link_rtt_ms, 100));
  const bool far = peers.all > 0 && peers.in_region == 0;
  return static_cast<std::int32_t>(latency) + (far ? 500 : 0);
}

bool all_match(const std::vector<LabelExpression>& expressions, const Labels& labels) {
  return std::all_of(expressions.begin(), expressions.end(),
                     [&](const LabelExpression& e) { return e.matches(labels); });
}

bool would_rather_not(const Demand& d, const Node& node) {
  return std::any_of(node.taints.begin(), node.taints.end(), [&](const Taint& t) {
    return t.effect == TaintEffect::prefer_no_schedule && !tolerates(d.placement().tolerations, t);
  });
}

std::int32_t own_replicas(const Demand& d, const Node& node) {
  const auto& placement = d.placement();
  const auto topology = spread_topology(placement);
  if (!topology || d.own == nullptr) return 0;
  const auto most = [](std::uint32_t n) {
    return static_cast<std::int32_t>(std::min<std::uint32_t>(n, kMostOwn));
  };
  std::int32_t sum = -kPerOwnReplica * most(d.own->live.near(node, Topology::node));
  if (*topology != Topology::node && !placement.max_skew) {
    const auto here = d.own->live.near(node, *topology), fewest = d.fewest();
    sum -= kPerOwnReplica * most(here > fewest ? here - fewest : 0);
  }
  return sum;
}

std::int32_t wishes(const Demand& d, const Node& node) {
  std::int32_t sum = own_replicas(d, node);
  for (const auto& term : d.placement().affinity)
    if (!term.required && !term.node_expressions.empty() && all_match(term.node_expressions, node.labels))
      sum += kPerWish * static_cast<std::int32_t>(term.weight);
  for (const auto& towards : d.preferred)
    if (towards.near(node) > 0) sum += kPerWish * static_cast<std::int32_t>(towards.term->weight);
  for (const auto& towards : d.preferred_away)
    if (towards.near(node) > 0) sum -= kPerWish * static_cast<std::int32_t>(towards.term->weight);
  if (would_rather_not(d, node)) sum -= kPerOwnReplica;
  return sum;
}

Term weighed(std::int32_t value, const std::optional<std::uint32_t>& weight, std::uint32_t usual) {
  return {value, static_cast<std::int32_t>(std::min<std::uint32_t>(weight.value_or(usual), kFull))};
}

}  // namespace

ScoreTerms score(const Demand& d, const NodeView& view) {
  const Node& node = *view.node;
  const Peers peers = peers_of(d, node);
  const auto& weights = d.scoring;
  ScoreTerms terms;
  terms.locality = weighed(locality(d, view, peers), weights.locality, kLocalityWeight);
  terms.reliability = weighed(reliability(node), weights.reliability, kReliabilityWeight);
  terms.cost = weighed(cost(node), weights.cost, kCostWeight);
  terms.utilization = weighed(utilization(d, view), weights.utilization, kUtilizationWeight);
  terms.network = weighed(network(node, peers), weights.network, kNetworkWeight);
  terms.wishes = wishes(d, node);
  return terms;
}

}  // namespace cloudless::scheduler
