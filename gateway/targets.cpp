#include "gateway/targets.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::gateway {
namespace {

using ReplicaPtr = std::shared_ptr<const Replica>;

/// "<name>-<uid>-<ordinal>-<attempt>" without its attempt.
ReplicaId replica_of_container(const ContainerId& container) {
  return ReplicaId{container.value.substr(0, container.value.rfind('-'))};
}

Result<ReplicaPtr> named_replica(const Snapshot& snapshot, const Selection& s) {
  const auto id = s.replica.empty() ? replica_of_container(s.container) : s.replica;
  const auto& given = s.replica.empty() ? s.container.value : s.replica.value;
  const char* kind = s.replica.empty() ? "container " : "replica ";
  ReplicaPtr found;
  if (const auto slot = slot_of(id)) {
    if (const auto* at = snapshot.replicas().find(*slot)) found = *at;
  }
  if (!found || (!s.replica.empty() && found->id != s.replica))
    return fail(Errc::not_found, kind + given + " does not exist");
  return found;
}

Result<std::vector<ReplicaPtr>> replicas_of_workload(const Snapshot& snapshot, const Selection& s) {
  const auto workload = snapshot.workload(s.ns, s.workload);
  if (!workload) return fail(Errc::not_found, "workload " + s.ns + "/" + s.workload + " does not exist");
  return snapshot.replicas_of(workload->uid);
}

}  // namespace

Result<std::vector<Target>> log_targets(const Snapshot& snapshot, const Selection& selection) {
  std::vector<Target> targets;
  if (!selection.replica.empty() || !selection.container.empty()) {
    auto replica = named_replica(snapshot, selection);
    if (!replica) return fail(replica.error());
    if (!(*replica)->node.empty()) targets.push_back({(*replica)->id, (*replica)->node, selection.container});
    return targets;
  }
  auto replicas = replicas_of_workload(snapshot, selection);
  if (!replicas) return fail(replicas.error());
  for (const auto& r : *replicas) {
    const bool has_log = !r->node.empty() && r->phase != Phase::stopped && r->phase != Phase::lost;
    if (has_log) targets.push_back({r->id, r->node, {}});
  }
  if (targets.size() > kMostMerged)
    return fail(Errc::resource_exhausted, "workload " + selection.ns + "/" + selection.workload + " has " +
                                              std::to_string(targets.size()) +
                                              " replicas with logs, more than " +
                                              std::to_string(kMostMerged) + ": name one by replica_id");
  return targets;
}

bool more_logs_may_come(const Snapshot& snapshot, const Selection& selection) {
  if (!selection.container.empty()) return false;
  if (selection.replica.empty()) return snapshot.workload(selection.ns, selection.workload) != nullptr;
  return replica_lives(snapshot, selection.replica);
}

bool replica_lives(const Snapshot& snapshot, const ReplicaId& replica) {
  const auto found = named_replica(snapshot, {{}, {}, replica, {}});
  return found && !is_terminal((*found)->phase);
}

Result<Target> exec_target(const Snapshot& snapshot, const Selection& selection) {
  if (!selection.replica.empty() || !selection.container.empty()) {
    auto replica = named_replica(snapshot, selection);
    if (!replica) return fail(replica.error());
    const auto& r = **replica;
    if (r.phase != Phase::running && r.phase != Phase::stopping)
      return fail(Errc::failed_precondition,
                  "replica " + r.id.value + " does not run: it is " + to_string(r.phase));
    if (!selection.container.empty() && r.container != selection.container)
      return fail(Errc::failed_precondition, "container " + selection.container.value +
                                                 " does not run any more: replica " + r.id.value +
                                                 " now has " + r.container.value);
    return Target{r.id, r.node, r.container};
  }
  auto replicas = replicas_of_workload(snapshot, selection);
  if (!replicas) return fail(replicas.error());
  const auto ready = std::find_if(replicas->begin(), replicas->end(), [](const ReplicaPtr& r) {
    return r->phase == Phase::running && r->ready && !r->stop_requested();
  });
  if (ready == replicas->end())
    return fail(Errc::failed_precondition, "workload " + selection.ns + "/" + selection.workload +
                                               " has no ready replica to run a command in");
  return Target{(*ready)->id, (*ready)->node, (*ready)->container};
}

}  // namespace cloudless::gateway
