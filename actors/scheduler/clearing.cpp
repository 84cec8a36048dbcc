#include "actors/scheduler/clearing.hpp"

#include <algorithm>

#include "actors/scheduler/filter.hpp"

namespace cloudless::scheduler {
namespace {

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_of(const Demand::Guard& guard, const Tenant& tenant) {
  if (!tenant.ask->guards || tenant.replica->workload != guard.workload) return false;
  const auto crowd = tenant.workload->guards.find(tenant.replica->version);
  return crowd != tenant.workload->guards.end() && &crowd->second == guard.crowd;
}

}  // namespace

Clearing::Clearing(const Demand& demand, const NodeView& view) : demand_(demand), view_(view) {
  cleared_.node = view.node;
  cleared_.room = view.room;
  cleared_.reserved = view.reserved;
  cleared_.gpu_used = view.gpu_used;
  if (const auto held = view.images.find(demand.ask->pod->image); held != view.images.end())
    cleared_.images.insert(*held);
  for (const auto& port : demand.ask->host_ports)
    if (const auto held = view.host_ports.find(port); held != view.host_ports.end()) ports_ += held->second;
  for (const auto& towards : demand.required_away) away_.push_back(towards.near(*view.node));
  for (const auto& guard : demand.guards) away_.push_back(guard.crowd->near(*view.node, guard.topology));
  for (const auto* tenant : view.tenants)
    if (!tenant->is_live()) change_room(*tenant, 1);
}

bool Clearing::is_possible() const {
  for (const auto filter : {Filter::workload_affinity, Filter::spread, Filter::failed_here})
    if (!check(filter, demand_, view_)) return false;
  return statically_eligible(demand_, view_);
}

void Clearing::change(const Tenant& tenant, std::int64_t sign) {
  change_room(tenant, sign);
  change_company(tenant, sign);
}

void Clearing::change_room(const Tenant& tenant, std::int64_t sign) {
  const auto& amounts = tenant.ask->amounts;
  cleared_.reserved.add(amounts, -sign);
  const auto thousandths = static_cast<std::int32_t>(amounts.gpus > 0 ? 1000 : amounts.gpu_share);
  const auto part = tenant.part();
  for (const auto gpu : part.gpus)
    if (gpu < cleared_.gpu_used.size())
      cleared_.gpu_used[gpu] -= static_cast<std::int32_t>(sign) * thousandths;
  if (demand_.ask->host_ports.empty()) return;
  for (const auto& port : tenant.ask->host_ports)
    if (contains(demand_.ask->host_ports, port)) ports_ -= sign;
}

void Clearing::change_company(const Tenant& tenant, std::int64_t sign) {
  if (away_.empty()) return;
  std::size_t i = 0;
  for (const auto& towards : demand_.required_away) {
    if (contains(towards.crowds, &tenant.workload->live)) away_[i] -= sign;
    ++i;
  }
  for (const auto& guard : demand_.guards) {
    if (is_of(guard, tenant)) away_[i] -= sign;
    ++i;
  }
}

bool Clearing::fits() const {
  const auto& wanted = demand_.ask->amounts;
  const auto& room = cleared_.room;
  const auto& taken = cleared_.reserved;
  return wanted.cpu <= room.cpu - taken.cpu && wanted.memory <= room.memory - taken.memory &&
         wanted.storage <= room.storage - taken.storage &&
         wanted.bandwidth <= room.bandwidth - taken.bandwidth && ports_ == 0 &&
         std::all_of(away_.begin(), away_.end(), [](std::int64_t n) { return n == 0; }) &&
         gpus_fit(demand_, cleared_);
}

}  // namespace cloudless::scheduler
