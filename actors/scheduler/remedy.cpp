#include "actors/scheduler/remedy.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "actors/scheduler/object_scheduler.hpp"

namespace cloudless::scheduler {
namespace {

constexpr std::int64_t kRuleDistance = 250;
constexpr std::int64_t kNodeDistance = 900;
constexpr std::int64_t kBytesOfMebi = 1 << 20;
constexpr std::size_t kMostTried = 8;

std::int64_t shrinks_by(std::int64_t wanted, std::int64_t free) {
  return wanted <= 0 ? 0 : std::min<std::int64_t>(2000, (wanted - free) * 1000 / wanted);
}

std::int64_t distance_of(Filter filter, const Demand& d, const NodeView& view) {
  const auto& want = d.ask->amounts;
  const auto free = view.free();
  switch (filter) {
    case Filter::cpu:
      return shrinks_by(want.cpu, free.cpu);
    case Filter::memory:
      return shrinks_by(want.memory, free.memory);
    case Filter::storage:
      return shrinks_by(want.storage, free.storage);
    case Filter::bandwidth:
      return shrinks_by(want.bandwidth, free.bandwidth);
    case Filter::gpu:
      return want.gpus > 0 ? shrinks_by(want.gpus, view.gpus().whole())
                           : shrinks_by(want.gpu_share, view.gpus().largest());
    case Filter::state:
    case Filter::policy:
      return kNodeDistance;
    case Filter::region:
    case Filter::zone:
    case Filter::node_selector:
    case Filter::node_affinity:
    case Filter::taint:
    case Filter::architecture:
    case Filter::runtime_class:
    case Filter::host_port:
    case Filter::workload_affinity:
    case Filter::workload_anti_affinity:
    case Filter::spread:
    case Filter::failed_here:
      return kRuleDistance;
  }
  return kRuleDistance;
}

/// Words for a change that lets the node pass a filter, made to the template; absent: a template cannot do
/// that.
using Words = std::optional<std::string>;

Words lower(const char* name, std::int64_t free, std::int64_t bytes, std::int64_t& amount) {
  if (free <= 0) return std::nullopt;
  amount = free * bytes;
  return std::string("requests.") + name + " of " + std::to_string(free * bytes);
}

Words lower_gpus(const NodeView& view, Resources& requests) {
  const auto gpus = view.gpus();
  if (requests.gpu_count > 0) {
    if (gpus.whole() == 0) return std::nullopt;
    requests.gpu_count = gpus.whole();
    return "requests.gpu_count of " + std::to_string(requests.gpu_count);
  }
  if (gpus.largest() == 0) return std::nullopt;
  requests.gpu_milli = gpus.largest();
  return "requests.gpu_milli of " + std::to_string(requests.gpu_milli);
}

/// What has no name cannot be allowed.
Words allow(const char* what, const std::string& name, std::vector<std::string>& list) {
  if (name.empty()) return std::nullopt;
  list.push_back(name);
  return what + name + " allowed";
}

Words drop_labels(const Node& node, Labels& selector) {
  std::string words;
  for (auto at = selector.begin(); at != selector.end();) {
    if (selects({*at}, node.labels)) {
      ++at;
      continue;
    }
    words += (words.empty() ? "" : ",") + at->first + "=" + at->second;
    at = selector.erase(at);
  }
  return "node_selector without " + words;
}

Words soften_expressions(const Node& node, std::vector<AffinityTerm>& terms) {
  for (auto& term : terms)
    if (term.required && std::any_of(term.node_expressions.begin(), term.node_expressions.end(),
                                     [&](const LabelExpression& e) { return !e.matches(node.labels); }))
      term.required = false;
  return "its node affinity as a preference";
}

Words tolerate_taints(const Demand& d, const Node& node, std::vector<Toleration>& tolerations) {
  std::string words;
  for (const auto& taint : node.taints) {
    if (taint.effect == TaintEffect::prefer_no_schedule || lets_in(tolerations, taint)) continue;
    // Named as the filter names it, of a node with this taint alone.
    NodeView alone;
    auto only = std::make_shared<Node>();
    only->taints = {taint};
    alone.node = only;
    words += (words.empty() ? "" : " and ") + explain(Filter::taint, d, alone).substr(sizeof("lacks ") - 1);
    tolerations.push_back({taint.key, taint.value, taint.effect, std::nullopt});
  }
  return words;
}

Words choose_ports_there(const NodeView& view, Template& pod) {
  if (pod.host_network) return std::nullopt;
  std::string words;
  for (auto& port : pod.ports) {
    if (port.host_port.value_or(0) == 0 || !view.host_ports.contains({port.protocol, *port.host_port}))
      continue;
    words += (words.empty() ? "" : " and ") + std::to_string(*port.host_port);
    port.host_port = 0;
  }
  return "a host port chosen on the node instead of " + words;
}

Words soften(const std::vector<Demand::Towards>& rules, const Node& node, bool wants_company,
             std::vector<AffinityTerm>& terms, const char* name) {
  bool changed = false;
  for (const auto& rule : rules) {
    if ((rule.near(node) > 0) == wants_company || rule.waived) continue;
    for (auto& term : terms)
      if (term == *rule.term) changed = true, term.required = false;
  }
  if (!changed) return std::nullopt;
  return std::string("its ") + name + " as a preference";
}

Words change_for(Filter filter, const Demand& d, const NodeView& view, Template& pod) {
  const Node& node = *view.node;
  auto& placement = pod.placement;
  const auto free = view.free();
  switch (filter) {
    case Filter::region:
      return allow("region ", node.description.region, placement.regions);
    case Filter::zone:
      return allow("zone ", node.description.zone, placement.zones);
    case Filter::node_selector:
      return drop_labels(node, placement.node_selector);
    case Filter::node_affinity:
      return soften_expressions(node, placement.affinity);
    case Filter::taint:
      return tolerate_taints(d, node, placement.tolerations);
    case Filter::architecture:
      return allow("architecture ", node.description.architecture, placement.architectures);
    case Filter::runtime_class:
      pod.runtime_class.clear();
      return "the node's default runtime class";
    case Filter::host_port:
      return choose_ports_there(view, pod);
    case Filter::cpu:
      return lower("cpu_millicores", free.cpu, 1, pod.requests.cpu_millicores);
    case Filter::memory:
      return lower("memory_bytes", free.memory, kBytesOfMebi, pod.requests.memory_bytes);
    case Filter::storage:
      return lower("storage_bytes", free.storage, kBytesOfMebi, pod.requests.storage_bytes);
    case Filter::bandwidth:
      return lower("bandwidth_bps", free.bandwidth, 1000, pod.requests.bandwidth_bps);
    case Filter::gpu:
      return lower_gpus(view, pod.requests);
    case Filter::workload_affinity:
      return soften(d.required, node, true, placement.affinity, "workload affinity");
    case Filter::workload_anti_affinity:
      return soften(d.required_away, node, false, placement.anti_affinity, "workload anti-affinity");
    case Filter::spread: {
      const auto here = d.own->live.near(node, *spread_topology(placement));
      placement.max_skew = here + 1 - d.fewest();
      return "max_skew of " + std::to_string(*placement.max_skew);
    }
    case Filter::state:
    case Filter::policy:
    case Filter::failed_here:
      return std::nullopt;
  }
  return std::nullopt;
}

/// What an operator could do: the one obstacle is a cordon.
bool only_cordoned(const Obstacles& o) {
  const Node& node = *o.view->node;
  return o.filters == std::vector{Filter::state} && node.state == NodeState::ready && !node.draining;
}

std::string try_for(const Demand& d, const Obstacles& o) {
  if (only_cordoned(o)) return o.view->node->description.id.value + " uncordoned";
  auto pod = std::make_shared<Template>(*d.ask->pod);
  std::string words;
  for (const auto filter : o.filters) {
    const Words change = change_for(filter, d, *o.view, *pod);
    if (!change) return {};
    words += (words.empty() ? "" : " and ") + *change;
  }
  const Demand changed =
      demand_of(*d.model, d.workload, d.version, std::make_shared<const Ask>(ask_of(std::move(pod))), d.now);
  return rejection(changed, *o.view) ? std::string{} : words;
}

}  // namespace

bool Obstacles::nearer_than(const Obstacles& other) const {
  if (filters.size() != other.filters.size()) return filters.size() < other.filters.size();
  if (distance != other.distance) return distance < other.distance;
  return comes_first(*view->node, *other.view->node);
}

Obstacles obstacles_of(const Demand& demand, const NodeView& view) {
  Obstacles out{&view, {}, 0};
  for (std::size_t i = 0; i < kFilters; ++i) {
    const auto filter = static_cast<Filter>(i);
    if (check(filter, demand, view)) continue;
    out.filters.push_back(filter);
    out.distance += distance_of(filter, demand, view);
  }
  return out;
}

std::string remedy(const Demand& demand, const std::vector<Obstacles>& nearest) {
  for (std::size_t i = 0; i < std::min(kMostTried, nearest.size()); ++i)
    if (auto words = try_for(demand, nearest[i]); !words.empty()) return words;
  return {};
}

}  // namespace cloudless::scheduler
