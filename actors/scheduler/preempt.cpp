#include "actors/scheduler/preempt.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "actors/scheduler/filter.hpp"
#include "actors/scheduler/object_scheduler.hpp"
#include "actors/scheduler/score.hpp"

namespace cloudless::scheduler {
namespace {

std::uint32_t priority_of(const Tenant& tenant) {
  return tenant.workload->record->spec.priority;
}

ReplicaSlot slot_of(const Tenant& tenant) {
  return {tenant.replica->workload, tenant.replica->ordinal};
}

/// What it has of the node, in thousandths of the room for processors and memory, and of one GPU.
std::int64_t size_of(const Tenant& tenant, const engine::Amounts& room) {
  const auto part = [](std::int64_t amount, std::int64_t all) { return all > 0 ? amount * 1000 / all : 0; };
  const auto& amounts = tenant.ask->amounts;
  return part(amounts.cpu, room.cpu) + part(amounts.memory, room.memory) + std::int64_t{amounts.gpus} * 1000 +
         amounts.gpu_share;
}

/// Which are better kept: higher priority first, then the smaller one.
void sort_by_worth(std::vector<const Tenant*>& tenants, const engine::Amounts& room) {
  const auto key = [&](const Tenant* t) {
    return std::tuple(-std::int64_t{priority_of(*t)}, size_of(*t, room));
  };
  std::sort(tenants.begin(), tenants.end(), [&](const Tenant* a, const Tenant* b) {
    const auto ka = key(a), kb = key(b);
    return ka != kb ? ka < kb : slot_of(*a) < slot_of(*b);
  });
}

std::vector<ReplicaSlot> slots_of(const std::vector<const Tenant*>& tenants) {
  std::vector<ReplicaSlot> out;
  for (const auto* tenant : tenants) out.push_back(slot_of(*tenant));
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

bool may_evict(const Model& model, const ReplicaSlot& slot) {
  const auto& record = model.workloads().at(slot.workload).record;
  return record && !record->deleted && model.has_tenants_below(record->spec.priority);
}

std::optional<Eviction> cheapest_eviction(const Model& model, const ReplicaSlot& slot, Millis now,
                                          Floors floors) {
  if (!may_evict(model, slot)) return std::nullopt;
  Allowance allowance(model, now, floors);
  return EvictionSearch(model, slot, allowance, now).best();
}

std::optional<Eviction> fit_after_stops(const Demand& demand, const NodeId& node) {
  const auto found = demand.model->nodes().find(node);
  if (found == demand.model->nodes().end() || !found->second.node) return std::nullopt;
  const Clearing clearing(demand, found->second);
  if (!clearing.is_possible() || !clearing.fits()) return std::nullopt;
  return Eviction{node, {}, gpus_for(demand, clearing.view())};
}

EvictionSearch::EvictionSearch(const Model& model, const ReplicaSlot& slot, Allowance& allowance, Millis now)
    : model_(model), allowance_(allowance), demand_(demand_of(model, slot, now)) {
  if (const auto& record = model.workloads().at(slot.workload).record) priority_ = record->spec.priority;
  for (const auto& [id, view] : model.nodes()) look_again(id);
}

bool EvictionSearch::is_for_one() const {
  return demand_.has_rules_between_replicas();
}

void EvictionSearch::look_again(const NodeId& node) {
  if (auto found = look_at(node)) queue_.push(std::move(found->cost));
}

std::optional<Eviction> EvictionSearch::best() {
  while (!queue_.empty()) {
    const Cost cost = queue_.top();
    queue_.pop();
    auto found = look_at(cost.node);
    if (!found) continue;
    queue_.push(found->cost);
    if (found->cost != cost || !confirm(found->victims)) continue;
    return Eviction{cost.node, slots_of(found->victims), std::move(found->gpus)};
  }
  return std::nullopt;
}

bool EvictionSearch::confirm(const std::vector<const Tenant*>& victims) {
  bool holds = true;
  for (const auto* victim : victims)
    if (allowance_.counts(*victim) && !allowance_.confirm(*victim)) holds = false;
  return holds;
}

bool EvictionSearch::is_candidate(const Tenant& tenant) const {
  if (!tenant.is_live() || tenant.replica->node.empty())
    return false;  // it is stopping, or only assumed here
  const auto& record = tenant.workload->record;
  if (!record || record->deleted || record->spec.priority >= priority_) return false;
  // It is the company that is required here.
  return !demand_.requires_company_of(*tenant.workload);
}

std::vector<const Tenant*> EvictionSearch::candidates_on(const NodeView& view) const {
  std::vector<const Tenant*> out;
  for (const auto* tenant : view.tenants)
    if (is_candidate(*tenant)) out.push_back(tenant);
  sort_by_worth(out, view.room);
  return out;
}

/// Takes in those of the lowest priority first, and no more priorities than it needs.
std::optional<EvictionSearch::Found> EvictionSearch::look_at(const NodeId& id) {
  const auto at = model_.nodes().find(id);
  if (at == model_.nodes().end() || !at->second.node) return std::nullopt;
  const NodeView& view = at->second;
  Clearing clearing(demand_, view);
  if (!clearing.is_possible()) return std::nullopt;
  const auto candidates = candidates_on(view);
  auto next = candidates.rbegin();
  for (;;) {
    if (clearing.fits()) {
      Clearing spared = clearing;
      std::vector<const Tenant*> victims(next.base(), candidates.end());
      if (spare(spared, victims)) {
        Found out;
        out.cost = {0, victims.size(), 0, -score(demand_, spared.view()).total(), view.node->ordinal, id};
        for (const auto* victim : victims) {
          out.cost.highest = std::max(out.cost.highest, priority_of(*victim));
          out.cost.sum += priority_of(*victim);
        }
        out.victims = std::move(victims);
        out.gpus = gpus_for(demand_, spared.view());
        return out;
      }
    }
    if (next == candidates.rend()) return std::nullopt;
    const auto priority = priority_of(**next);
    for (; next != candidates.rend() && priority_of(**next) == priority; ++next) clearing.lift(**next);
  }
}

/// Puts back those that need not go. False: the floors do not allow what is left.
bool EvictionSearch::spare(Clearing& clearing, std::vector<const Tenant*>& victims) {
  if (!within_floors(clearing, victims)) return false;
  std::erase_if(victims, [&](const Tenant* victim) {
    clearing.restore(*victim);
    if (clearing.fits()) return true;
    clearing.lift(*victim);
    return false;
  });
  return true;
}

/// Puts back those first whose workloads may not lose so many.
bool EvictionSearch::within_floors(Clearing& clearing, std::vector<const Tenant*>& victims) {
  std::map<const WorkloadView*, std::int64_t> excess;
  for (const auto* victim : victims) {
    if (!allowance_.counts(*victim)) continue;
    const auto [at, is_new] = excess.try_emplace(victim->workload);
    if (is_new) at->second = -std::int64_t{allowance_.left(*victim)};
    ++at->second;
  }
  std::erase_if(victims, [&](const Tenant* victim) {
    const auto over = excess.find(victim->workload);
    if (over == excess.end() || over->second <= 0 || !allowance_.counts(*victim)) return false;
    clearing.restore(*victim);
    if (clearing.fits()) {
      --over->second;
      return true;
    }
    clearing.lift(*victim);
    return false;
  });
  return std::all_of(excess.begin(), excess.end(), [](const auto& entry) { return entry.second <= 0; });
}

}  // namespace cloudless::scheduler
