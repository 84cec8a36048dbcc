// What a replica's version asks for, in the engine's words: its class, and the facts about nodes that the
// class names.
#include <algorithm>
#include <set>
#include <utility>

#include "actors/scheduler/compile.hpp"
#include "actors/scheduler/fact_key.hpp"
#include "actors/scheduler/filter.hpp"
#include "actors/scheduler/score.hpp"

namespace cloudless::scheduler {
namespace {

engine::Topology in_engine(Topology topology) {
  switch (topology) {
    case Topology::node:
      return engine::Topology::node;
    case Topology::zone:
      return engine::Topology::zone;
    case Topology::region:
      return engine::Topology::region;
  }
  return engine::Topology::node;
}

}  // namespace

engine::ClassId Compiled::class_of(const ReplicaSlot& slot, Millis now) {
  const VersionKey key{slot.workload, model_.replica(slot)->version};
  const auto known = classes_.find(key);
  if (known != classes_.end()) {
    const Class& c = known->second;
    if (c.rules == model_.rules() && c.facts == facts_epoch_ && (!c.until || now < *c.until)) return c.id;
  }
  const Demand demand = demand_of(model_, slot, now);
  Class made{engine_->use(spec_of(demand)), model_.rules(), facts_epoch_, std::nullopt};
  for (const auto& [node, until] : demand.failed_until)
    made.until = std::min(made.until.value_or(until), until);
  if (known != classes_.end()) engine_->drop(known->second.id);
  classes_[key] = made;
  return made.id;
}

engine::ClassSpec Compiled::spec_of(const Demand& demand) {
  engine::ClassSpec spec;
  const auto& placement = demand.placement();
  spec.request = demand.ask->amounts;
  spec.weights = weights_of(demand.scoring);
  spec.spreading = demand.scoring.mode == Utilization::balance;
  add_conditions(demand, spec);
  for (const auto& port : demand.ask->host_ports) spec.ports.push_back(port_group(port));
  add_company(demand, spec);
  if (const auto topology = spread_topology(placement)) {
    spec.spread.own = own_group(demand.workload);
    spec.spread.over_nodes = true;
    if (placement.max_skew) {
      spec.spread.max_skew = static_cast<std::int32_t>(*placement.max_skew);
      spec.spread.hard_over = in_engine(*topology);
    } else if (*topology != Topology::node) {
      spec.spread.soft = true;
      spec.spread.soft_over = in_engine(*topology);
    }
  }
  if (!demand.failed_until.empty()) spec.failed = {failed_fact(demand)};
  if (!placement.zones.empty() || !placement.regions.empty())
    for (const auto& zone : zone_names_) spec.asked.push_back(asked_for(placement, zone.region, zone.zone));
  spec.image = {image_fact(demand.ask->pod->image)};
  add_wishes(demand, spec);
  return spec;
}

/// In the filters' order.
void Compiled::add_conditions(const Demand& demand, engine::ClassSpec& spec) {
  const auto& pod = *demand.ask->pod;
  const auto& p = pod.placement;
  const auto require = [&](Filter filter, const FactKey& key) {
    spec.fixed.push_back({filter_fact(filter, key.value(), demand.ask), true});
  };
  if (!p.regions.empty()) require(Filter::region, FactKey("region").add_all(p.regions));
  if (!p.zones.empty()) require(Filter::zone, FactKey("zone").add_all(p.zones));
  if (!p.node_selector.empty()) {
    FactKey key("selector");
    for (const auto& [label, value] : p.node_selector) key.add(label).add(value);
    require(Filter::node_selector, key);
  }
  FactKey expressions("affinity");
  bool any = false;
  for (const auto& term : p.affinity) {
    if (!term.required || term.node_expressions.empty()) continue;
    expressions.add_all(term.node_expressions);
    any = true;
  }
  if (any) require(Filter::node_affinity, expressions);
  require(Filter::taint, FactKey("taint").add_all(p.tolerations));
  if (!p.architectures.empty())
    require(Filter::architecture, FactKey("architecture").add_all(p.architectures));
  if (!pod.runtime_class.empty()) require(Filter::runtime_class, FactKey("runtime").add(pod.runtime_class));
  if (asks_policy(pod)) require(Filter::policy, policy_key(pod));
}

void Compiled::add_company(const Demand& demand, engine::ClassSpec& spec) {
  const auto group = [&](const Demand::Towards& towards) {
    return selection_group({demand.ns, {towards.term->workload_selector}});
  };
  for (const auto& t : demand.required)
    spec.affinity.push_back(
        {group(t), in_engine(t.term->topology), selects(t.term->workload_selector, demand.labels)});
  for (const auto& t : demand.required_away)
    spec.anti_affinity.push_back({group(t), in_engine(t.term->topology)});
  std::set<GuardKey> guards;
  for (const auto& guard : demand.guards) guards.insert({demand.ns, *guard.selector, guard.topology});
  for (const auto& guard : guards)
    spec.anti_affinity.push_back({guard_group(guard), in_engine(guard.topology)});
  Selection peers{demand.ns, {}};
  for (const auto& term : demand.placement().affinity)
    if (!term.workload_selector.empty()) peers.selectors.push_back(term.workload_selector);
  std::sort(peers.selectors.begin(), peers.selectors.end());
  peers.selectors.erase(std::unique(peers.selectors.begin(), peers.selectors.end()), peers.selectors.end());
  if (!peers.selectors.empty()) spec.peers = {selection_group(std::move(peers))};
}

void Compiled::add_wishes(const Demand& demand, engine::ClassSpec& spec) {
  const auto& placement = demand.placement();
  const auto points = [](const AffinityTerm& term) {
    return kPointsPerWeight * static_cast<std::int32_t>(term.weight);
  };
  for (const auto& term : placement.affinity) {
    if (term.required || term.node_expressions.empty()) continue;
    // As a filter it would ask the same.
    auto alone = std::make_shared<Template>();
    alone->placement.affinity = {term};
    alone->placement.affinity[0].required = true;
    const auto attribute =
        filter_fact(Filter::node_affinity, FactKey("affinity").add_all(term.node_expressions).value(),
                    std::make_shared<const Ask>(ask_of(std::move(alone))));
    spec.wishes.push_back({attribute, points(term)});
  }
  if (asking_nodes_ > 0) {
    const auto attribute = fact(
        FactKey("asking").add_all(placement.tolerations).value(),
        [ask = demand.ask](const NodeView& v) { return would_rather_not(ask->pod->placement, *v.node); });
    spec.wishes.push_back({attribute, -kPointsPerReplica});
  }
  const auto group = [&](const Demand::Towards& towards) {
    return selection_group({demand.ns, {towards.term->workload_selector}});
  };
  for (const auto& t : demand.preferred)
    spec.preferences.push_back({group(t), in_engine(t.term->topology), points(*t.term)});
  for (const auto& t : demand.preferred_away)
    spec.preferences.push_back({group(t), in_engine(t.term->topology), -points(*t.term)});
}

engine::AttributeId Compiled::fact(const std::string& key, std::function<bool(const NodeView&)> holds) {
  if (const auto known = facts_.find(key); known != facts_.end()) return known->second.attribute;
  const auto attribute = engine_->add_attribute();
  for (const auto& [id, applied] : applied_)
    if (holds(model_.nodes().at(id))) engine_->set_attribute(attribute, applied.index, true);
  facts_.emplace(key, Fact{attribute, std::move(holds)});
  return attribute;
}

engine::AttributeId Compiled::filter_fact(Filter filter, const std::string& key,
                                          const std::shared_ptr<const Ask>& ask) {
  return fact(key, [filter, ask](const NodeView& view) {
    Demand demand;
    demand.ask = ask;
    return check(filter, demand, view);
  });
}

engine::AttributeId Compiled::image_fact(const std::string& image) {
  if (const auto known = images_.find(image); known != images_.end()) return known->second;
  const auto attribute = images_[image] = engine_->add_attribute();
  if (const auto nodes = nodes_with_image_.find(image); nodes != nodes_with_image_.end())
    for (const auto index : nodes->second) engine_->set_attribute(attribute, index, true);
  return attribute;
}

engine::AttributeId Compiled::failed_fact(const Demand& demand) {
  const VersionKey key{demand.workload, demand.version};
  auto known = failed_.find(key);
  if (known == failed_.end())
    known = failed_.emplace(key, std::pair{engine_->add_attribute(), std::set<NodeId>{}}).first;
  auto& [attribute, nodes] = known->second;
  const auto change = [&, id = attribute](const NodeId& node, bool on) {
    if (const auto applied = applied_.find(node); applied != applied_.end())
      engine_->set_attribute(id, applied->second.index, on);
  };
  for (auto at = nodes.begin(); at != nodes.end();) {
    if (demand.failed_until.contains(*at)) {
      ++at;
      continue;
    }
    change(*at, false);
    at = nodes.erase(at);
  }
  for (const auto& [node, until] : demand.failed_until)
    if (nodes.insert(node).second) change(node, true);
  return attribute;
}

}  // namespace cloudless::scheduler
