#include "actors/workload_state/drain_status.hpp"

#include <map>
#include <memory>
#include <string>

#include "actors/workload_state/budget.hpp"
#include "actors/workload_state/replica_words.hpp"

namespace cloudless::workload_state {
namespace {

/// What one workload has beside what is leaving.
struct Standby {
  std::uint32_t available = 0;
  std::uint32_t floor = 0;
  /// Elsewhere, and not available yet: it is to take a place; nullptr if there is none.
  std::shared_ptr<const Replica> coming;
};

Standby standby_of(const Snapshot& snapshot, const Workload& workload, Millis now) {
  Standby out;
  out.floor = workload.deleted ? 0 : bounds_of(workload.spec.rollout, workload.spec.replicas).min_available;
  for (const auto& r : snapshot.replicas_of(workload.uid)) {
    if (is_terminal(r->phase) || r->is_leaving()) continue;
    const auto node = snapshot.node(r->node);
    if (is_available(workload, *r, node.get(), now))
      ++out.available;
    else if ((!node || !node->draining) && !out.coming)
      out.coming = explained(r, snapshot);
  }
  return out;
}

std::string coming_words(const Replica& r, const Workload& workload, const StatusTime& now) {
  const auto& id = r.id.value;
  const auto because = [](const std::string& reason) { return reason.empty() ? "" : ": " + reason; };
  if (r.phase == Phase::pending) return "a place for " + id + ", which replaces it" + because(r.reason);
  if (r.phase != Phase::running)
    return id + ", which replaces it: it is " + to_string(r.phase) + because(r.reason);
  if (!r.ready) return id + ", which replaces it, to become ready" + because(probe_words(r, now.wall));
  return id + ", which replaces it, to stay ready for another " +
         duration_words(r.ready_at + workload.spec.rollout.min_ready - now.store);
}

std::string held_up_by(const Replica& r, const Workload& workload, const Standby& standby,
                       const StatusTime& now) {
  if (r.stop_requested()) return "its container to stop" + (r.reason.empty() ? "" : ": " + *r.reason);
  if (r.withdrawn != StopCause::none) return "those who send requests to let go of it";
  if (standby.available > standby.floor) return "its turn to stop";
  if (standby.coming) return coming_words(*standby.coming, workload, now);
  return "another replica: " + std::to_string(standby.available) + " of the at least " +
         std::to_string(standby.floor) + " are available";
}

}  // namespace

DrainStatus derive_drain(const Snapshot& snapshot, const Node& node, const StatusTime& now) {
  DrainStatus out;
  std::map<WorkloadUid, Standby> known;
  for (const auto& replica : snapshot.replicas_on(node.description.id)) {
    if (is_terminal(replica->phase)) continue;
    ++out.replicas_left;
    if (out.left.size() >= kMostDrainLeft) continue;
    const auto workload = snapshot.workload(replica->workload);
    if (!workload) continue;
    auto it = known.find(workload->uid);
    if (it == known.end())
      it = known.emplace(workload->uid, standby_of(snapshot, *workload, now.store)).first;
    out.left.push_back(
        {replica->id, workload->ns, workload->name,
         "waiting for " + held_up_by(*explained(replica, snapshot), *workload, it->second, now)});
  }
  return out;
}

}  // namespace cloudless::workload_state
