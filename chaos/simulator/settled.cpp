#include "chaos/simulator/settled.hpp"

#include <algorithm>
#include <set>

#include "chaos/simulator/commit_checker.hpp"
#include "chaos/simulator/customers.hpp"
#include "chaos/simulator/place_law.hpp"

namespace cloudless::sim {
namespace {

constexpr std::size_t kMostHistory = 5;

/// One like it FAILED there: for a while it is not tried again.
bool failed_there(const Snapshot& view, const NodeId& node, const Replica& replica) {
  const auto all = view.replicas_of(replica.workload);
  return std::any_of(all.begin(), all.end(), [&](const auto& r) {
    return r->node == node && r->phase == Phase::failed && r->version == replica.version;
  });
}

/// No node will do; of several that are placed all or nothing one may find a place and wait for the others.
bool fits_nowhere(const Snapshot& view, const Workload& workload, const Replica& replica) {
  const auto version = view.version(replica.workload, replica.version);
  if (!version) return false;
  const auto all = view.replicas_of(replica.workload);
  const auto waiting = std::count_if(all.begin(), all.end(), [&](const auto& r) {
    return r->phase == Phase::pending && r->version == replica.version && !r->is_leaving();
  });
  if (workload.spec.all_or_nothing && waiting > 1) return true;
  bool fits = false;
  view.nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& node) {
    fits = fits || (!failed_there(view, id, replica) && closed_to(*node, version->pod).empty() &&
                    taken_from(view, *node, replica).empty() && kept_apart(view, *node, replica).empty() &&
                    out_of_balance(view, *node, replica).empty());
  });
  return !fits;
}

std::optional<std::string> unsettled_nodes(const Snapshot& view, const std::set<NodeId>& gone) {
  std::optional<std::string> out;
  view.nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& node) {
    const auto wanted = gone.contains(id) ? NodeState::offline : NodeState::ready;
    if (node->state != wanted) out = "node " + id.value + " is " + to_string(node->state);
  });
  return out;
}

/// Everything that is left of it is told to stop and waits for the agent of a machine that is gone.
bool waits_for_gone(const Snapshot& view, const Workload& deleted, const std::set<NodeId>& gone) {
  const auto left = view.replicas_of(deleted.uid);
  return !left.empty() && std::all_of(left.begin(), left.end(), [&](const auto& r) {
    return r->stop_requested() && gone.contains(r->node);
  });
}

/// What counts for the number of replicas wanted.
bool is_wanted(const Workload& workload, const Replica& r) {
  if (r.is_leaving()) return false;
  if (!is_terminal(r.phase)) return true;
  return r.version == workload.version && (r.phase == Phase::succeeded || r.phase == Phase::failed);
}

/// Nothing is replaced until a user says so: what is there stays as it is.
bool stands_still(const Workload& workload, const Rollout& rollout) {
  if (rollout.state == RolloutState::failed) return true;
  if (!rollout.is_active()) return false;
  const RolloutPolicy& policy = workload.spec.rollout;
  const bool waits_for_promotion = policy.strategy == RolloutStrategy::rolling_update && policy.canary &&
                                   !policy.canary->promote_after && !rollout.promoted &&
                                   rollout.from_version != 0;
  return rollout.paused || waits_for_promotion;
}

/// A failed rollout ends well after all when everything of it becomes ready.
bool may_come_late(const Snapshot& view, const Workload& workload) {
  std::uint32_t current = 0, others = 0;
  for (const auto& r : view.replicas_of(workload.uid)) {
    if (is_terminal(r->phase) || r->is_leaving()) continue;
    if (r->version != workload.version)
      ++others;
    else if (const auto node = view.node(r->node);
             r->phase == Phase::running && node && node->state == NodeState::ready)
      ++current;
  }
  const bool others_stay = workload.spec.rollout.strategy == RolloutStrategy::blue_green;
  return current > 0 && current == workload.spec.replicas && (others == 0 || others_stay);
}

bool has_to_move(const Snapshot& view, const Replica& r) {
  const auto node = view.node(r.node);
  const auto version = view.version(r.workload, r.version);
  if (!node || node->state != NodeState::ready || is_terminal(r.phase)) return false;
  return node->draining || r.evict != StopCause::none || (version && evicts(*node, version->pod));
}

std::optional<std::string> unsettled_history(const Snapshot& view, const Workload& workload) {
  const std::size_t limit = workload.spec.rollout.history_limit;
  const auto all = view.replicas_of(workload.uid);
  const auto newest = view.rollout(workload.uid, workload.rollout);
  std::size_t unused = 0;
  for (const auto& v : view.versions_of(workload.uid)) {
    const bool used =
        v->number == workload.version || v->number == workload.serving_version ||
        (newest && v->number == newest->from_version) ||
        std::any_of(all.begin(), all.end(), [&](const auto& r) { return r->version == v->number; });
    unused += used ? 0 : 1;
  }
  // The last one that was fully ready stays, however old.
  if (unused > limit + 1) return "keeps " + std::to_string(unused) + " versions";
  const auto rollouts = view.rollouts_of(workload.uid).size();
  if (rollouts > limit + 1) return "keeps " + std::to_string(rollouts) + " rollouts";
  return std::nullopt;
}

std::optional<std::string> unsettled_workload(const Snapshot& view, const Workload& workload) {
  const std::string title = "workload " + workload.name;
  const bool healthy = is_healthy(workload.spec.pod);
  const bool runs_for_ever = workload.spec.pod.restart.mode == RestartMode::always;
  std::size_t wanted = 0, ended = 0, outdated = 0, blocked = 0, moving = 0;
  for (const auto& r : view.replicas_of(workload.uid)) {
    if (is_wanted(workload, *r))
      ++wanted;
    else if (is_terminal(r->phase))
      ++ended;
    else
      return title + ": " + r->id.value + " has not ended, stop " + to_string(r->stop) +
             (r->withdrawn != StopCause::none ? ", withdrawn" : "");
    if (is_terminal(r->phase)) continue;
    outdated += r->version != workload.version ? 1 : 0;
    moving += has_to_move(view, *r) ? 1 : 0;
    if (r->phase != Phase::pending) continue;
    ++blocked;
    if (r->reason.empty() || !fits_nowhere(view, workload, *r))
      return title + ": " + r->id.value + " is PENDING: '" + *r->reason + "'";
  }
  if (ended > kMostHistory + (runs_for_ever ? 0 : 5))
    return title + ": keeps " + std::to_string(ended) + " ended replicas";
  const auto rollout = view.rollout(workload.uid, workload.rollout);
  if (rollout && rollout->state == RolloutState::failed && healthy && may_come_late(view, workload))
    return title + ": all of rollout " + std::to_string(rollout->number) + " runs, so it may end well yet";
  if (rollout && stands_still(workload, *rollout)) return std::nullopt;
  // A rollout that cannot go on (no room, or a version that never serves) stands still above the floor.
  if (blocked > 0 || (!healthy && runs_for_ever)) return std::nullopt;
  if (healthy && runs_for_ever && rollout && rollout->is_active())
    return title + ": rollout " + std::to_string(rollout->number) + " goes on";
  if (healthy && runs_for_ever && moving > 0)
    return title + ": " + std::to_string(moving) + " replicas that have to move";
  if (healthy && outdated > 0) return title + ": " + std::to_string(outdated) + " outdated replicas";
  if (wanted < workload.spec.replicas)
    return title + ": " + std::to_string(wanted) + " of " + std::to_string(workload.spec.replicas);
  if (healthy && runs_for_ever && wanted > workload.spec.replicas) return title + ": too many";
  if (healthy && runs_for_ever && available(view, workload.uid) != workload.spec.replicas)
    return title + ": " + std::to_string(available(view, workload.uid)) + " serve of " +
           std::to_string(workload.spec.replicas);
  if (const auto why = unsettled_history(view, workload)) return title + " " + *why;
  return std::nullopt;
}

std::optional<std::string> unsettled_machines(const Snapshot& view, const Running& running) {
  for (const auto& [node, replicas] : running) {
    std::set<ReplicaId> seen;
    for (const auto& id : replicas) {
      const auto r = view.replica(id);
      if (!seen.insert(id).second) return node.value + " runs " + id.value + " twice";
      if (!r || is_terminal(r->phase) || r->node != node)
        return node.value + " runs " + id.value + ", an orphan";
    }
    for (const auto& r : view.replicas_on(node))
      if (r->phase == Phase::running && !seen.contains(r->id) &&
          is_healthy(view.version(r->workload, r->version)->pod))
        return r->id.value + " is RUNNING and has no container on " + node.value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> unsettled(const Snapshot& view, const Running& running,
                                     const std::set<NodeId>& gone) {
  if (auto why = unsettled_nodes(view, gone)) return why;
  std::optional<std::string> out;
  view.workloads().for_each([&](const WorkloadUid&, const std::shared_ptr<const Workload>& w) {
    if (out) return;
    if (!w->deleted)
      out = unsettled_workload(view, *w);
    else if (!waits_for_gone(view, *w, gone))
      out = "workload " + w->name + " (" + w->uid.value + ") is still a tombstone";
  });
  if (out) return out;
  return unsettled_machines(view, running);
}

bool comes_to_rest(const Snapshot& view) {
  bool rests = true;
  view.versions().for_each([&](const ReplicaSlot&, const std::shared_ptr<const Version>& v) {
    rests = rests && is_healthy(v->pod);
  });
  view.rollouts().for_each(
      [&](const ReplicaSlot&, const std::shared_ptr<const Rollout>& r) { rests = rests && !r->is_active(); });
  return rests;
}

}  // namespace cloudless::sim
