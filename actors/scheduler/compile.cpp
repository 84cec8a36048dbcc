#include "actors/scheduler/compile.hpp"

#include <algorithm>
#include <iterator>

#include "actors/scheduler/filter.hpp"
#include "actors/scheduler/score.hpp"

namespace cloudless::scheduler {
namespace {

constexpr std::size_t kSpareSets = 8192;
constexpr std::size_t kMostClasses = 16'384;

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

}  // namespace cloudless::scheduler
