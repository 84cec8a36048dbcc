#include "actors/workload_state/status.hpp"

#include <algorithm>
#include <string>

#include "actors/workload_state/budget.hpp"
#include "actors/workload_state/replica_words.hpp"

namespace cloudless::workload_state {
namespace {

/// How many replicas are in which situation; those that are told to stop count only as stopping.
struct Census {
  std::uint32_t ready = 0;         // of any version
  std::uint32_t updated = 0;       // ready, of the current version
  std::uint32_t placed = 0;        // live, with a node
  std::uint32_t stopping = 0;      // live, told to stop
  std::uint32_t outdated = 0;      // live, of another version, stopping ones included; not a set kept back
  std::uint32_t set_back = 0;      // of the current version, had run and is not ready now
  std::uint32_t succeeded = 0;     // of the current version
  std::uint32_t failed = 0;        // of the current version
  std::uint32_t live_current = 0;  // live, of the current version, not stopping
  std::shared_ptr<const Replica> pending, troubled, failure;  // the first of each, for the reason
};

bool had_run(const Replica& r) {
  return r.started_at != 0 && (r.phase != Phase::running || r.attempt > 1 || r.was_ready);
}

void count_ended(Census& c, const std::shared_ptr<const Replica>& r) {
  if (r->phase == Phase::lost && r->started_at != 0) ++c.set_back;
  if (r->is_leaving()) return;
  if (r->phase == Phase::succeeded) ++c.succeeded;
  if (r->phase == Phase::failed) {
    ++c.failed;
    if (!c.failure) c.failure = r;
  }
}

void count_live(Census& c, const std::shared_ptr<const Replica>& r, const Workload& w,
                const Snapshot& snapshot) {
  const bool current = r->version == w.version;
  // BLUE_GREEN: after the switch the old set is kept for a while, ready and out of use.
  if (!current && w.serving_version == w.version && !r->is_leaving()) return;
  if (!current) ++c.outdated;
  if (r->is_leaving()) {
    ++c.stopping;
    return;
  }
  if (current) ++c.live_current;
  if (r->phase == Phase::pending) {
    if (!c.pending) c.pending = r;
    return;
  }
  ++c.placed;
  const auto node = snapshot.node(r->node);
  if (counts_as_available(*r, node.get())) {
    ++c.ready;
    if (current) ++c.updated;
    return;
  }
  if (!c.troubled) c.troubled = r;
  const bool on_failing_node = r->started_at != 0 && (!node || node->state != NodeState::ready);
  if (current && (had_run(*r) || on_failing_node)) ++c.set_back;
}

Census take_census(const std::vector<std::shared_ptr<const Replica>>& replicas, const Workload& w,
                   const Snapshot& snapshot) {
  Census c;
  for (const auto& r : replicas) {
    if (!is_terminal(r->phase))
      count_live(c, r, w, snapshot);
    else if (r->version == w.version)
      count_ended(c, r);
  }
  return c;
}

WorkloadPhase phase_of(const Workload& w, const Census& c) {
  const std::uint32_t wanted = w.spec.replicas;
  // Those that ended by themselves are not replaced: they have their place.
  const std::uint32_t finished = c.succeeded + c.failed;
  if (w.deleted) return WorkloadPhase::deleting;
  if (wanted > 0 && c.failed > 0 && finished + c.live_current >= wanted) return WorkloadPhase::failed;
  if (wanted > 0 && c.succeeded >= wanted && c.live_current == 0) return WorkloadPhase::succeeded;
  if (c.outdated > 0) return WorkloadPhase::updating;
  if (c.updated + finished >= wanted) return WorkloadPhase::running;
  if (c.set_back > 0) return WorkloadPhase::degraded;
  return c.placed + finished >= wanted ? WorkloadPhase::starting : WorkloadPhase::pending;
}

/// What holds up an update for good.
std::string rollout_words(const Workload& w, const Snapshot& snapshot) {
  const auto rollout = snapshot.rollout(w.uid, w.rollout);
  if (!rollout) return {};
  const auto number = "; rollout " + std::to_string(rollout->number);
  if (rollout->state == RolloutState::failed) return number + " failed: " + rollout->reason;
  return rollout->is_active() && rollout->paused ? number + " is paused" : "";
}

std::string reason_of(WorkloadPhase phase, const Workload& w, const Census& c, const Snapshot& snapshot,
                      WallMillis now) {
  const std::uint32_t wanted = w.spec.replicas;
  const std::string ready = std::to_string(c.ready) + " of " + plural(wanted, "replica") + " ready";
  const auto& worst = c.pending ? c.pending : c.troubled;
  const std::string detail = worst ? "; " + replica_words(*worst, snapshot, now) : "";
  switch (phase) {
    case WorkloadPhase::running:
      return {};
    case WorkloadPhase::succeeded:
      return plural(c.succeeded, "replica") + " ended with 0";
    case WorkloadPhase::failed:
      return plural(c.failed, "replica") + " failed for good; " + replica_words(*c.failure, snapshot, now);
    case WorkloadPhase::deleting:
      return plural(c.stopping + c.placed, "replica") + " still to stop";
    case WorkloadPhase::updating:
      return std::to_string(c.updated) + " of " + plural(wanted, "replica") + " updated to version " +
             std::to_string(w.version) + " and ready" + rollout_words(w, snapshot) + detail;
    case WorkloadPhase::pending:
    case WorkloadPhase::starting:
    case WorkloadPhase::degraded:
      return ready + detail;
  }
  return {};
}

}  // namespace

WorkloadStatus derive_status(const Snapshot& snapshot, const Workload& workload, WallMillis now) {
  WorkloadStatus out;
  out.replicas = snapshot.replicas_of(workload.uid);
  for (auto& replica : out.replicas) replica = explained(replica, snapshot);
  const Census census = take_census(out.replicas, workload, snapshot);
  out.phase = phase_of(workload, census);
  out.replicas_wanted = workload.spec.replicas;
  out.ready_replicas = census.ready;
  out.updated_replicas = census.updated;
  out.version = workload.version;
  out.reason = reason_of(out.phase, workload, census, snapshot, now);
  return out;
}

}  // namespace cloudless::workload_state
