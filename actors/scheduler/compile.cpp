#include "actors/scheduler/compile.hpp"

#include <algorithm>
#include <iterator>

#include "actors/scheduler/filter.hpp"
#include "actors/scheduler/score.hpp"

namespace cloudless::scheduler {
namespace {

constexpr std::size_t kSpareSets = 8192;
constexpr std::size_t kMostClasses = 16'384;

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

/// Equal lists of words have equal keys, and no others.
class FactKey {
 public:
  explicit FactKey(const std::string& kind) { add(kind); }
  FactKey& add(const std::string& word) {
    key_ += std::to_string(word.size()) + ':' + word;
    return *this;
  }
  FactKey& add(std::uint64_t number) { return add(std::to_string(number)); }
  FactKey& add_all(const std::vector<std::string>& words) {
    add(words.size());
    for (const auto& word : words) add(word);
    return *this;
  }
  FactKey& add_all(const std::vector<LabelExpression>& expressions) {
    add(expressions.size());
    for (const auto& e : expressions) add(e.key).add(static_cast<std::uint64_t>(e.op)).add_all(e.values);
    return *this;
  }
  FactKey& add_all(const std::vector<Toleration>& tolerations) {
    add(tolerations.size());
    for (const auto& t : tolerations)
      add(t.key)
          .add(t.value)
          .add(t.effect ? static_cast<std::uint64_t>(*t.effect) : 0)
          .add(t.seconds ? 1 : 0);
    return *this;
  }
  const std::string& value() const { return key_; }

 private:
  std::string key_;
};

bool asks_policy(const Template& pod) {
  const auto& s = pod.security;
  return pod.host_network || s.privileged || s.host_pid || s.host_ipc ||
         std::any_of(pod.volumes.begin(), pod.volumes.end(),
                     [](const Volume& v) { return std::holds_alternative<HostPath>(v.source); });
}

FactKey policy_key(const Template& pod) {
  FactKey key("policy");
  const auto& s = pod.security;
  key.add((pod.host_network ? 1U : 0U) + (s.privileged ? 2U : 0U) + (s.host_pid ? 4U : 0U) +
          (s.host_ipc ? 8U : 0U));
  for (const auto& volume : pod.volumes)
    if (const auto* host = std::get_if<HostPath>(&volume.source))
      key.add(host->path).add(volume.read_only ? 1U : 0U);
  return key;
}

bool only_asks(const Node& node) {
  return std::any_of(node.taints.begin(), node.taints.end(),
                     [](const Taint& t) { return t.effect == TaintEffect::prefer_no_schedule; });
}

std::vector<std::uint8_t> indices_of(engine::GpuMask mask) {
  std::vector<std::uint8_t> out;
  for (std::uint8_t i = 0; i < engine::kMaxGpus; ++i)
    if ((mask >> i & 1) != 0) out.push_back(i);
  return out;
}

}  // namespace

Compiled::Compiled(Model& model) : model_(model) {
  model_.note_touched();
}

std::optional<Pick> Compiled::best(const ReplicaSlot& slot, Millis now) {
  if (!engine_ || crowded())
    build();
  else
    follow();
  const auto choice = engine_->best(class_of(slot, now));
  if (!choice) return std::nullopt;
  return Pick{by_index_[choice.node], choice.score, indices_of(choice.gpus)};
}

/// Sets are never taken out of the engine: now and then it is better to begin anew.
bool Compiled::crowded() const {
  const std::size_t sets = facts_.size() + images_.size() + failed_.size() + own_.size() +
                           selections_.size() + guards_.size() + ports_.size();
  return sets > kSpareSets + 8 * model_.workloads().size() || classes_.size() > kMostClasses;
}

void Compiled::build() {
  ++builds_;
  ++facts_epoch_;
  engine_ = std::make_unique<engine::Engine>();
  applied_.clear();
  order_.clear();
  by_index_.clear();
  zones_.clear();
  zone_names_.clear();
  regions_.clear();
  facts_.clear();
  images_.clear();
  nodes_with_image_.clear();
  failed_.clear();
  own_.clear();
  selections_.clear();
  guards_.clear();
  ports_.clear();
  groups_of_.clear();
  guard_groups_of_.clear();
  classes_.clear();
  asking_nodes_ = 0;
  rules_seen_ = model_.rules();
  model_.take_touched();
  std::map<NodeOrder, NodeId> in_order;
  for (const auto& [id, view] : model_.nodes())
    if (view.node) in_order.emplace(NodeOrder{view.node->ordinal, id}, id);
  for (const auto& [order, id] : in_order) follow_node(id);
}

void Compiled::follow() {
  // Where the rules have moved, a workload may have left a group before it left the node.
  const bool same_rules = rules_seen_ == model_.rules();
  if (!same_rules) {
    rules_seen_ = model_.rules();
    groups_of_.clear();
    guard_groups_of_.clear();
  }
  for (const auto& [node, only] : model_.take_touched()) {
    if (same_rules && !only.empty() && follow_live(node, only)) continue;
    if (!follow_node(node)) return build();
  }
}

/// What one more or one less of a workload's replicas changes, where nothing but the workload itself counts
/// them; false if more has to be looked at.
bool Compiled::follow_live(const NodeId& id, const WorkloadUid& uid) {
  const auto known = model_.nodes().find(id);
  const auto at = applied_.find(id);
  if (known == model_.nodes().end() || at == applied_.end() || !model_.workloads().contains(uid))
    return false;
  const NodeView& view = known->second;
  Applied& applied = at->second;
  if (!view.node || applied.node != view.node) return false;
  const auto& groups = groups_of(uid);
  const auto own = own_.find(uid);
  if (groups.size() > 1 || (groups.empty() != (own == own_.end()))) return false;
  engine_->put(applied.index, row_of(view));
  if (groups.empty()) return true;
  const auto group = groups.front();
  const auto present = view.present.find(uid);
  const std::uint32_t wanted = present != view.present.end() ? present->second.live : 0;
  auto& had = applied.counts[group];
  for (; had < wanted; ++had) engine_->count(group, applied.index, true);
  for (; had > wanted; --had) engine_->count(group, applied.index, false);
  if (wanted == 0) applied.counts.erase(group);
  return true;
}

/// False if the node cannot be told to the engine without a change of the order of others.
bool Compiled::follow_node(const NodeId& id) {
  const auto found = model_.nodes().find(id);
  if (found == model_.nodes().end() || !found->second.node) {
    forget_node(id);
    return true;
  }
  const NodeView& view = found->second;
  const NodeOrder order{view.node->ordinal, id};
  const auto [at, is_new] = applied_.try_emplace(id);
  Applied& applied = at->second;
  if (is_new) {
    if (!order_.empty() && order < order_.rbegin()->first) return false;
    applied.index = static_cast<engine::NodeIndex>(by_index_.size());
    applied.order = order;
    order_[order] = applied.index;
    by_index_.push_back(id);
  } else if (applied.order != order) {
    return false;
  }
  engine_->put(applied.index, row_of(view));
  if (is_new || applied.node != view.node) follow_record(applied, view, is_new);
  follow_counts(applied, view);
  follow_images(applied, view);
  return true;
}

void Compiled::forget_node(const NodeId& id) {
  const auto found = applied_.find(id);
  if (found == applied_.end()) return;
  const Applied& applied = found->second;
  engine_->remove(applied.index);
  for (const auto& image : applied.images) nodes_with_image_[image].erase(applied.index);
  if (applied.node && only_asks(*applied.node) && --asking_nodes_ == 0) ++facts_epoch_;
  order_.erase(applied.order);
  applied_.erase(found);
}

void Compiled::follow_record(Applied& applied, const NodeView& view, bool is_new) {
  for (const auto& [key, fact] : facts_)
    engine_->set_attribute(fact.attribute, applied.index, fact.holds(view));
  const bool asked = applied.node && only_asks(*applied.node), asks = only_asks(*view.node);
  if (asks && !asked && asking_nodes_++ == 0) ++facts_epoch_;
  if (!asks && asked && --asking_nodes_ == 0) ++facts_epoch_;
  if (is_new)
    for (const auto& [version, failed] : failed_)
      if (failed.second.contains(view.node->description.id))
        engine_->set_attribute(failed.first, applied.index, true);
  applied.node = view.node;
}

void Compiled::follow_counts(Applied& applied, const NodeView& view) {
  std::map<engine::GroupId, std::uint32_t> wanted;
  for (const auto& [uid, present] : view.present)
    if (present.live > 0)
      for (const auto group : groups_of(uid)) wanted[group] += present.live;
  for (const auto& [key, replicas] : view.guards)
    for (const auto group : guard_groups_of(key)) wanted[group] += replicas;
  for (const auto& [port, replicas] : view.host_ports)
    if (const auto group = ports_.find(port); group != ports_.end()) wanted[group->second] += replicas;
  const auto change = [&](engine::GroupId group, std::uint32_t from, std::uint32_t to) {
    for (; from < to; ++from) engine_->count(group, applied.index, true);
    for (; from > to; --from) engine_->count(group, applied.index, false);
  };
  for (const auto& [group, replicas] : applied.counts)
    if (!wanted.contains(group)) change(group, replicas, 0);
  for (const auto& [group, replicas] : wanted) {
    const auto had = applied.counts.find(group);
    change(group, had != applied.counts.end() ? had->second : 0, replicas);
  }
  applied.counts = std::move(wanted);
}

void Compiled::follow_images(Applied& applied, const NodeView& view) {
  const auto change = [&](const std::string& image, bool there) {
    if (there)
      nodes_with_image_[image].insert(applied.index);
    else
      nodes_with_image_[image].erase(applied.index);
    if (const auto known = images_.find(image); known != images_.end())
      engine_->set_attribute(known->second, applied.index, there);
  };
  for (auto at = applied.images.begin(); at != applied.images.end();) {
    if (view.images.contains(*at)) {
      ++at;
      continue;
    }
    change(*at, false);
    at = applied.images.erase(at);
  }
  for (const auto& [image, replicas] : view.images)
    if (applied.images.insert(image).second) change(image, true);
}

engine::NodeRow Compiled::row_of(const NodeView& view) {
  const auto free = view.free();
  const Node& node = *view.node;
  engine::NodeRow row;
  row.cpu = free.cpu;
  row.memory = free.memory;
  row.storage = free.storage;
  row.bandwidth = free.bandwidth;
  row.room_cpu = view.room.cpu;
  row.room_memory = view.room.memory;
  row.gpus = view.gpus();
  row.reliability = reliability_of(node);
  row.cost = cost_of(node);
  row.latency = latency_of(node);
  row.zone = zone_index(node);
  row.open = node.schedulable();
  return row;
}

engine::ZoneIndex Compiled::zone_index(const Node& node) {
  const auto key = zone_of(node);
  if (const auto known = zones_.find(key); known != zones_.end()) return known->second;
  const auto region =
      regions_.try_emplace(key.region, static_cast<engine::RegionIndex>(regions_.size())).first->second;
  zone_names_.push_back(key);
  ++facts_epoch_;
  return zones_[key] = engine_->add_zone(region);
}

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

/// So many more than the engine knows of.
void Compiled::count(engine::GroupId group, const NodeId& node, std::uint32_t replicas) {
  auto& applied = applied_.at(node);
  applied.counts[group] += replicas;
  for (; replicas > 0; --replicas) engine_->count(group, applied.index, true);
}

engine::GroupId Compiled::own_group(const WorkloadUid& uid) {
  if (const auto known = own_.find(uid); known != own_.end()) return known->second;
  const auto group = own_[uid] = engine_->add_group();
  groups_of_.erase(uid);
  for (const auto& [node, replicas] : model_.workloads().at(uid).live.nodes) count(group, node, replicas);
  return group;
}

engine::GroupId Compiled::selection_group(Selection selection) {
  if (const auto known = selections_.find(selection); known != selections_.end()) return known->second;
  const auto group = engine_->add_group();
  groups_of_.clear();
  std::set<const WorkloadView*> workloads;
  for (const auto& selector : selection.selectors)
    for (const auto* workload : model_.selected(selection.ns, selector)) workloads.insert(workload);
  for (const auto* workload : workloads)
    for (const auto& [node, replicas] : workload->live.nodes) count(group, node, replicas);
  selections_.emplace(std::move(selection), group);
  return group;
}

engine::GroupId Compiled::guard_group(const GuardKey& key) {
  if (const auto known = guards_.find(key); known != guards_.end()) return known->second;
  const auto group = guards_[key] = engine_->add_group();
  guard_groups_of_.clear();
  for (const auto& version : model_.guards(key.ns)) {
    const auto& groups = guard_groups_of(version);
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) continue;
    for (const auto& [node, replicas] : model_.workloads().at(version.first).guards.at(version.second).nodes)
      count(group, node, replicas);
  }
  return group;
}

engine::GroupId Compiled::port_group(const HostPort& port) {
  if (const auto known = ports_.find(port); known != ports_.end()) return known->second;
  const auto group = ports_[port] = engine_->add_group();
  for (const auto& [id, applied] : applied_) {
    const auto& taken = model_.nodes().at(id).host_ports;
    if (const auto found = taken.find(port); found != taken.end()) count(group, id, found->second);
  }
  return group;
}

/// Groups that live replicas of the workload are in.
const std::vector<engine::GroupId>& Compiled::groups_of(const WorkloadUid& uid) {
  const auto [at, is_new] = groups_of_.try_emplace(uid);
  if (!is_new) return at->second;
  if (const auto own = own_.find(uid); own != own_.end()) at->second.push_back(own->second);
  const auto& record = model_.workloads().at(uid).record;
  if (!record) return at->second;
  for (auto next = selections_.lower_bound(Selection{record->ns, {}});
       next != selections_.end() && next->first.ns == record->ns; ++next)
    if (std::any_of(next->first.selectors.begin(), next->first.selectors.end(),
                    [&](const Labels& selector) { return selects(selector, record->spec.labels); }))
      at->second.push_back(next->second);
  return at->second;
}

/// Groups that live replicas of the version are in because of whom they keep away.
const std::vector<engine::GroupId>& Compiled::guard_groups_of(const VersionKey& key) {
  const auto [at, is_new] = guard_groups_of_.try_emplace(key);
  if (!is_new) return at->second;
  const auto& workload = model_.workloads().at(key.first);
  const auto ask = workload.asks.find(key.second);
  if (!workload.record || ask == workload.asks.end()) return at->second;
  std::set<engine::GroupId> groups;
  for (const auto& term : ask->second->pod->placement.anti_affinity) {
    if (!term.required || term.workload_selector.empty()) continue;
    const auto known = guards_.find(GuardKey{workload.record->ns, term.workload_selector, term.topology});
    if (known != guards_.end()) groups.insert(known->second);
  }
  at->second.assign(groups.begin(), groups.end());
  return at->second;
}

}  // namespace cloudless::scheduler
