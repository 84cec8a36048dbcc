#include "actors/events/derive.hpp"

#include <string>
#include <utility>

#include "messages/domain/node_trouble.hpp"

namespace cloudless::events {
namespace {

using Events = std::vector<Event>;

class Scribe {
 public:
  Scribe(const Snapshot& before, const Commit& commit, WallMillis wall)
      : before_(before), commit_(commit), wall_(wall) {}

  Events all() {
    for (const auto& change : commit_.changes) one(change);
    return std::move(events_);
  }

 private:
  void one(const Change& change) {
    switch (change.key.kind) {
      case RecordKind::workload: {
        const auto old = before_.workload(WorkloadUid{change.key.id});
        if (change.record)
          workload(old.get(), *std::get<std::shared_ptr<const Workload>>(*change.record));
        else if (old)
          of_workload(*old, "WorkloadGone", Severity::info, "the last trace of it is gone");
        break;
      }
      case RecordKind::replica:
        if (change.record) {
          const auto& now = *std::get<std::shared_ptr<const Replica>>(*change.record);
          replica(before_.replica(now.id).get(), now);
        }
        break;
      case RecordKind::node: {
        const auto old = before_.node(NodeId{change.key.id});
        if (change.record)
          node(old.get(), *std::get<std::shared_ptr<const Node>>(*change.record));
        else if (old)
          of_node(*old, "NodeRemoved", Severity::info, "removed");
        break;
      }
      case RecordKind::cluster_meta:
      case RecordKind::version:
      case RecordKind::event:
      case RecordKind::idempotency:
      case RecordKind::secret:
        break;
      case RecordKind::rollout:
        if (change.record) {
          const auto& now = *std::get<std::shared_ptr<const Rollout>>(*change.record);
          if (const auto owner = workload_after(now.workload))
            rollout(*owner, before_.rollout(now.workload, now.number).get(), now);
        }
        break;
    }
  }

  void workload(const Workload* old, const Workload& now) {
    const auto replicas = std::to_string(now.spec.replicas);
    if (old == nullptr)
      of_workload(now, "WorkloadCreated", Severity::info, replicas + " replicas of " + now.spec.pod.image);
    else if (now.deleted && !old->deleted)
      of_workload(now, "WorkloadDeleted", Severity::info, "its replicas are being stopped");
    else if (now.revision != old->revision && now.version != old->version)
      of_workload(now, "WorkloadUpdated", Severity::info,
                  "version " + std::to_string(now.version) + ": " + now.spec.pod.image);
    else if (now.spec.replicas != old->spec.replicas)
      of_workload(now, "WorkloadScaled", Severity::info,
                  std::to_string(old->spec.replicas) + " to " + replicas);
    else if (now.revision != old->revision)
      of_workload(now, "WorkloadUpdated", Severity::info, "settings changed, the containers stay");
    if (old != nullptr && old->serving_version != 0 && now.serving_version != 0 &&
        old->serving_version != now.serving_version)
      of_workload(now, "ServingSwitched", Severity::info,
                  "version " + std::to_string(now.serving_version) + " serves instead of version " +
                      std::to_string(old->serving_version));
  }

  void rollout(const Workload& w, const Rollout* old, const Rollout& now) {
    const auto title = "rollout " + std::to_string(now.number);
    if (old == nullptr) return started(w, now, title + way_of(now));
    if (now.paused != old->paused && now.is_active())
      of_workload(w, now.paused ? "RolloutPaused" : "RolloutResumed", Severity::info,
                  title + (now.paused ? " waits until it is resumed" : " goes on"));
    if (now.promoted && !old->promoted)
      of_workload(w, "RolloutPromoted", Severity::info, title + ": the canary is good, the others follow");
    if (now.state == old->state) return;
    const auto version = std::to_string(now.to_version);
    if (now.state == RolloutState::failed)
      of_workload(w, "RolloutFailed", Severity::warning,
                  title + " to version " + version + ": " + now.reason);
    else if (now.state == RolloutState::completed && goes_back(now.cause))
      of_workload(w, "RolloutRolledBack", Severity::info,
                  title + ": every replica is of version " + version + " again");
    else if (now.state == RolloutState::completed)
      of_workload(w, "RolloutCompleted", Severity::info, title + ": every replica is of version " + version);
  }

  void started(const Workload& w, const Rollout& now, const std::string& words) {
    const bool by_somebody = !now.by.empty() && now.by != "anonymous";
    of_workload(w, "RolloutStarted", now.cause == RolloutCause::failed ? Severity::warning : Severity::info,
                words + (by_somebody ? ", by " + now.by : ""));
    const auto& policy = w.spec.rollout;
    if (policy.strategy == RolloutStrategy::recreate && policy.min_available.value_or(0) > 0 &&
        now.from_version != 0)
      of_workload(w, "RolloutInterrupts", Severity::warning,
                  "strategy RECREATE stops every replica before the new ones start: min_available " +
                      std::to_string(*policy.min_available) + " is not kept during the rollout");
  }

  static bool goes_back(RolloutCause cause) {
    return cause == RolloutCause::undone || cause == RolloutCause::aborted || cause == RolloutCause::failed;
  }

  static std::string way_of(const Rollout& rollout) {
    const auto from = std::to_string(rollout.from_version);
    const auto to = std::to_string(rollout.to_version);
    switch (rollout.cause) {
      case RolloutCause::created:
        return " to version " + to;
      case RolloutCause::updated:
        return " from version " + from + " to " + to;
      case RolloutCause::restarted:
        return " from version " + from + " to " + to + ", which is a restart of it";
      case RolloutCause::undone:
        return " back from version " + from + " to " + to;
      case RolloutCause::aborted:
        return " back from version " + from + " to " + to + ": the one before was broken off";
      case RolloutCause::failed:
        return " back from version " + from + " to " + to + ": the one before failed";
    }
    return {};
  }

  void replica(const Replica* old, const Replica& now) {
    const bool moved = old == nullptr || old->phase != now.phase || old->attempt != now.attempt;
    if (old == nullptr)
      of_replica(now, "ReplicaAdded", Severity::info, "version " + std::to_string(now.version));
    if (old != nullptr && !moved && now.phase == Phase::pending && !now.reason.empty() &&
        now.reason != old->reason)
      of_replica(now, "ReplicaUnplaced", Severity::warning, now.reason);
    if (old != nullptr && now.stop_requested() && !old->stop_requested() && !is_terminal(now.phase))
      stopping(now);
    if (moved) phase(now);
    const bool was_ready = old != nullptr && old->ready;
    if (now.ready && !was_ready) of_replica(now, "ReplicaReady", Severity::info, "ready");
    if (!now.ready && was_ready && now.phase == Phase::running && !now.is_leaving())
      of_replica(now, "ReplicaNotReady", Severity::warning, or_else(now.reason, "no longer ready"));
  }

  void stopping(const Replica& now) {
    if (now.stop == StopCause::preempted)
      of_replica(now, "ReplicaPreempted", Severity::warning,
                 "told to stop: its place is for " + now.preempted_for->value + ", of higher priority");
    else if (now.stop == StopCause::taint)
      of_replica(
          now, "ReplicaEvicted", Severity::warning,
          "told to stop: node " + now.node.value + " has a NO_EXECUTE taint that it does not tolerate");
    else
      of_replica(now, "ReplicaStopping", Severity::info, std::string("told to stop: ") + to_string(now.stop));
  }

  void phase(const Replica& now) {
    const auto attempt = "attempt " + std::to_string(now.attempt);
    switch (now.phase) {
      case Phase::pending:
      case Phase::preparing:
      case Phase::starting:
      case Phase::stopping:
        break;
      case Phase::assigned:
        of_replica(now, "ReplicaAssigned", Severity::info, "to " + now.node.value);
        break;
      case Phase::running:
        of_replica(now, "ReplicaStarted", Severity::info, attempt);
        break;
      case Phase::backoff:
        of_replica(now, "ReplicaBackOff", Severity::warning, attempt + ended(now) + ", to be tried again");
        break;
      case Phase::succeeded:
        of_replica(now, "ReplicaSucceeded", Severity::info, attempt + ended(now));
        break;
      case Phase::failed:
        of_replica(now, "ReplicaFailed", Severity::warning, attempt + ended(now));
        break;
      case Phase::stopped:
        of_replica(now, "ReplicaStopped", Severity::info, std::string("cause: ") + to_string(now.stop));
        break;
      case Phase::lost:
        of_replica(now, "ReplicaLost", Severity::warning, "node " + now.node.value + " is away");
        break;
    }
  }

  void node(const Node* old, const Node& now) {
    if (old == nullptr || now.incarnation != old->incarnation)
      of_node(now, "NodeRegistered", Severity::info, "agent process " + std::to_string(now.incarnation));
    if (old != nullptr && now.state != old->state) {
      if (now.state == NodeState::ready) of_node(now, "NodeReady", Severity::info, "heard again");
      if (now.state == NodeState::suspect)
        of_node(now, "NodeSuspect", Severity::warning, or_else(now.reason, "not heard"));
      if (now.state == NodeState::offline)
        of_node(now, "NodeOffline", Severity::warning, or_else(now.reason, "lease ended"));
    }
    if (now.cordoned != (old != nullptr && old->cordoned))
      of_node(now, now.cordoned ? "NodeCordoned" : "NodeUncordoned", Severity::info,
              now.cordoned ? "takes no more replicas" : "takes replicas again");
    if (now.draining && !(old != nullptr && old->draining))
      of_node(now, "NodeDraining", Severity::info, "its replicas move elsewhere");
    if (old == nullptr) return;
    if (old->draining && !now.draining && now.cordoned == old->cordoned)
      of_node(now, "NodeUncordoned", Severity::info, "takes replicas again");
    if (const auto trouble = trouble_of(now); trouble != trouble_of(*old))
      of_node(now, trouble.empty() ? "NodeRecovered" : "NodeTroubled",
              trouble.empty() ? Severity::info : Severity::warning, or_else(trouble, "it is well again"));
    else if (now.labels != old->labels || now.taints != old->taints)
      of_node(now, "NodeUpdated", Severity::info, "labels or taints changed");
  }

  static std::string or_else(const std::string& reason, const char* otherwise) {
    return reason.empty() ? otherwise : reason;
  }
  static std::string ended(const Replica& r) {
    std::string out = " ended";
    if (r.exit_code) out += " with exit code " + std::to_string(*r.exit_code);
    if (!r.reason.empty()) out += ": " + *r.reason;
    return out;
  }

  void of_workload(const Workload& w, const char* kind, Severity severity, std::string message) {
    events_.push_back({commit_.revision, wall_, severity, kind, w.ns, w.name, {}, {}, std::move(message)});
  }
  void of_replica(const Replica& r, const char* kind, Severity severity, std::string message) {
    const auto owner = workload_of(r);
    events_.push_back(
        {commit_.revision, wall_, severity, kind, owner.ns, owner.name, r.id, r.node, std::move(message)});
  }
  void of_node(const Node& n, const char* kind, Severity severity, std::string message) {
    events_.push_back(
        {commit_.revision, wall_, severity, kind, {}, {}, {}, n.description.id, std::move(message)});
  }

  QualifiedName workload_of(const Replica& r) const {
    const auto w = workload_after(r.workload);
    return w ? QualifiedName{w->ns, w->name} : QualifiedName{};
  }

  /// As the commit leaves it; nullptr if there is none.
  std::shared_ptr<const Workload> workload_after(const WorkloadUid& uid) const {
    for (const auto& change : commit_.changes)
      if (change.key == workload_key(uid) && change.record)
        if (const auto& w = std::get<std::shared_ptr<const Workload>>(*change.record)) return w;
    return before_.workload(uid);
  }

  const Snapshot& before_;
  const Commit& commit_;
  const WallMillis wall_;
  Events events_;
};

}  // namespace

std::vector<Event> derive(const Snapshot& before, const Commit& commit, WallMillis wall) {
  return Scribe(before, commit, wall).all();
}

}  // namespace cloudless::events
