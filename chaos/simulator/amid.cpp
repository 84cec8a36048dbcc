#include "chaos/simulator/amid.hpp"

#include <algorithm>
#include <string_view>

namespace cloudless::sim {
namespace {

/// The step that tells this replica to leave, or asks it to move, or gives it a place; empty: none of them.
std::string_view step_of(const Snapshot& before, const Replica& now) {
  const auto old = before.replica(now.id);
  if (!old) return {};
  if (old->evict == StopCause::none && now.evict != StopCause::none) return "rebalance";
  const auto workload = before.workload(now.workload);
  if (old->node.empty() && !now.node.empty())
    return workload && workload->spec.all_or_nothing ? "gang" : std::string_view{};
  if (old->is_leaving() || !now.is_leaving()) return {};
  switch (now.stop != StopCause::none ? now.stop : now.withdrawn) {
    case StopCause::rollout:
      return "rollout";
    case StopCause::recreate:
      return "recreate";
    case StopCause::drain:
      return "drain";
    case StopCause::taint:
      return "taint";
    case StopCause::rebalance:
      return "rebalance";
    case StopCause::preempted:
      return "preemption";
    case StopCause::none:
    case StopCause::scale:
    case StopCause::deleted:
    case StopCause::node_lost:
      return {};
  }
  return {};
}

bool switches(const Snapshot& before, const Workload& now) {
  const auto old = before.workload(now.uid);
  return old && !now.deleted && now.serving_version != old->serving_version && now.serving_version != 0;
}

}  // namespace

bool takes_step(const char* step, const Snapshot& before, const Commit& commit) {
  return std::any_of(commit.changes.begin(), commit.changes.end(), [&](const Change& change) {
    if (!change.record) return false;
    if (const auto* r = std::get_if<std::shared_ptr<const Replica>>(&*change.record))
      return step_of(before, **r) == step;
    if (const auto* w = std::get_if<std::shared_ptr<const Workload>>(&*change.record))
      return step == std::string_view("switch") && switches(before, **w);
    return false;
  });
}

}  // namespace cloudless::sim
