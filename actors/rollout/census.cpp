#include "actors/rollout/census.hpp"

#include <algorithm>

namespace cloudless::rollout {
namespace {

std::uint64_t rounded_down(const IntOrPercent& amount, std::uint32_t of) {
  return amount.percent ? static_cast<std::uint64_t>(of) * amount.value / 100 : amount.value;
}
std::uint64_t rounded_up(const IntOrPercent& amount, std::uint32_t of) {
  return amount.percent ? (static_cast<std::uint64_t>(of) * amount.value + 99) / 100 : amount.value;
}

bool ended_by_itself(const Replica& r) {
  return (r.phase == Phase::succeeded || r.phase == Phase::failed) && !r.stop_requested();
}

}  // namespace

bool on_lost_node(const Snapshot& view, const Replica& replica) {
  if (replica.node.empty()) return false;
  const auto node = view.node(replica.node);
  return !node || node->state == NodeState::offline;
}

bool is_available(const Snapshot& view, const Replica& replica) {
  if (replica.phase != Phase::running || !replica.ready || !replica.serving || replica.stop_requested())
    return false;
  const auto node = view.node(replica.node);
  return node && node->state == NodeState::ready;
}

bool is_in_doubt(const Snapshot& view, const Replica& replica) {
  if (replica.node.empty()) return false;
  const auto node = view.node(replica.node);
  return node && node->state == NodeState::suspect;
}

Census take_census(const Snapshot& view, const Workload& workload) {
  Census census;
  for (const auto& r : view.replicas_of(workload.uid)) {
    if (is_terminal(r->phase))
      (ended_by_itself(*r) && r->version == workload.version ? census.finished : census.history).push_back(r);
    else if (r->stop_requested())
      census.stopping.push_back(r);
    else if (on_lost_node(view, *r))
      census.lost.push_back(r);
    else
      (r->version == workload.version ? census.current : census.outdated).push_back(r);
  }
  return census;
}

std::uint32_t effective_min_available(const WorkloadSpec& spec) {
  if (spec.rollout.min_available) return std::min(*spec.rollout.min_available, spec.replicas);
  const auto away = rounded_down(spec.rollout.max_unavailable, spec.replicas);
  return away >= spec.replicas ? 0 : spec.replicas - static_cast<std::uint32_t>(away);
}

std::uint32_t effective_surge(const WorkloadSpec& spec) {
  const auto surge = rounded_up(spec.rollout.max_surge, spec.replicas);
  if (surge == 0 && effective_min_available(spec) >= spec.replicas) return 1;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(surge, UINT32_MAX - spec.replicas));
}

}  // namespace cloudless::rollout
