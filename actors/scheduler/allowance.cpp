#include "actors/scheduler/allowance.hpp"

#include <limits>

#include "actors/workload_state/budget.hpp"

namespace cloudless::scheduler {
namespace {

std::uint32_t above(std::uint32_t available, std::uint32_t floor) {
  return available > floor ? available - floor : 0;
}

std::uint32_t floor_of(const Tenant& tenant) {
  return workload_state::floor_for(*tenant.workload->record, *tenant.replica, StopCause::preempted);
}

}  // namespace

bool Allowance::counts(const Tenant& tenant) const {
  const auto& record = tenant.workload->record;
  const auto node = model_.nodes().find(tenant.replica->node);
  return record && node != model_.nodes().end() &&
         workload_state::is_available(*record, *tenant.replica, node->second.node.get(), now_);
}

Allowance::Entry& Allowance::entry_of(const Tenant& tenant) {
  const auto [at, is_new] = entries_.try_emplace(tenant.workload);
  if (is_new) at->second.left = above(tenant.workload->ready, floor_of(tenant));
  return at->second;
}

std::uint32_t Allowance::left(const Tenant& tenant) {
  if (floors_ == Floors::ignored) return std::numeric_limits<std::uint32_t>::max();
  return entry_of(tenant).left;
}

bool Allowance::confirm(const Tenant& tenant) {
  if (floors_ == Floors::ignored) return true;
  Entry& entry = entry_of(tenant);
  if (entry.is_exact) return true;
  std::uint32_t available = 0;
  for (const auto* other : model_.tenants_of(tenant.replica->workload)) available += counts(*other) ? 1 : 0;
  const auto before = std::exchange(entry, {above(available, floor_of(tenant)), true});
  return entry.left == before.left;
}

void Allowance::take(const Tenant& tenant) {
  if (floors_ == Floors::ignored || !counts(tenant)) return;
  Entry& entry = entry_of(tenant);
  if (entry.left > 0) --entry.left;
}

void Allowance::give_back(const Tenant& tenant) {
  if (floors_ == Floors::respected && counts(tenant)) ++entry_of(tenant).left;
}

}  // namespace cloudless::scheduler
