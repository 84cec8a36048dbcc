// Who is where, in the engine's words: groups of replicas that are counted per node, and which of them the
// replicas of a workload or of a version are in.
#include <algorithm>
#include <set>
#include <utility>

#include "actors/scheduler/compile.hpp"

namespace cloudless::scheduler {

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
