#include "actors/workload_state/rollout_status.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/workload_state/budget.hpp"
#include "actors/workload_state/replica_words.hpp"

namespace cloudless::workload_state {
namespace {

using ReplicaPtr = std::shared_ptr<const Replica>;

bool goes_back(RolloutCause cause) {
  return cause == RolloutCause::undone || cause == RolloutCause::aborted || cause == RolloutCause::failed;
}

RolloutPhase phase_of_rollout(const Rollout& rollout, bool some_ready) {
  switch (rollout.state) {
    case RolloutState::completed:
      return RolloutPhase::completed;
    case RolloutState::failed:
      return RolloutPhase::failed;
    case RolloutState::superseded:
      return RolloutPhase::superseded;
    case RolloutState::active:
      break;
  }
  if (rollout.paused) return RolloutPhase::paused;
  if (goes_back(rollout.cause)) return RolloutPhase::rolling_back;
  return some_ready ? RolloutPhase::in_progress : RolloutPhase::starting;
}

/// How long the startup probe of a version may take before it gives up.
Millis startup_allowance(const Version* version) {
  if (version == nullptr || !version->pod.startup) return 0;
  const auto& probe = *version->pod.startup;
  return probe.initial_delay + probe.period * static_cast<Millis>(probe.failure_threshold);
}

/// Tells about the newest rollout of one workload, at one moment.
class Teller {
 public:
  Teller(const Snapshot& snapshot, const Workload& workload, const Rollout& rollout, const StatusTime& now)
      : snapshot_(snapshot),
        workload_(workload),
        rollout_(rollout),
        policy_(workload.spec.rollout),
        now_(now),
        bounds_(bounds_of(policy_, workload.spec.replicas)) {
    for (const auto& replica : snapshot.replicas_of(workload.uid)) sort_in(explained(replica, snapshot));
  }

  RolloutStatus tell() const {
    RolloutStatus out;
    out.wanted = workload_.spec.replicas;
    out.updated = static_cast<std::uint32_t>(current_.size());
    out.ready = ready_;
    out.available = available_;
    out.unavailable = out.wanted - std::min(out.wanted, available_);
    out.min_available = bounds_.min_available;
    out.phase = phase_of_rollout(rollout_, updated_ready_ > 0);
    out.notes = notes();
    if (!rollout_.is_active()) return out;
    out.awaits_promotion = awaits_promotion();
    if (!rollout_.paused && !out.awaits_promotion)
      out.deadline_in = std::max<Millis>(0, deadline() - now_.store);
    out.waiting_for = waiting_for(out);
    return out;
  }

 private:
  void sort_in(const ReplicaPtr& r) {
    const bool of_target = r->version == rollout_.to_version;
    if (is_terminal(r->phase)) {
      if (of_target && !r->is_leaving() && r->phase == Phase::failed) failed_.push_back(r);
      return;
    }
    if (r->is_leaving()) {
      leaving_.push_back(r);
      return;
    }
    if (is_ready(*r)) {
      ++ready_;
      if (of_target) ++updated_ready_;
      if (is_available(workload_, *r, snapshot_.node(r->node).get(), now_.store)) ++available_;
    }
    (of_target ? current_ : others_).push_back(r);
  }

  bool is_ready(const Replica& r) const {
    const auto node = snapshot_.node(r.node);
    return r.phase == Phase::running && r.ready && node && node->state == NodeState::ready;
  }
  /// Would count, if its version serves.
  bool is_steady(const Replica& r) const {
    return is_ready(r) && now_.store - r.ready_at >= policy_.min_ready;
  }

  bool awaits_promotion() const {
    if (!policy_.canary || rollout_.promoted || rollout_.paused || rollout_.from_version == 0 ||
        policy_.strategy != RolloutStrategy::rolling_update || goes_back(rollout_.cause) ||
        workload_.spec.replicas == 0)
      return false;
    return current_.size() >= canary_size(*policy_.canary, workload_.spec.replicas) &&
           std::all_of(current_.begin(), current_.end(), [&](const auto& r) { return is_steady(*r); });
  }

  /// Store time at which it fails unless something gets ready before. As actors/rollout/verdict judges.
  Millis deadline() const {
    Millis progress = std::max(rollout_.progress_from, rollout_.started_at);
    for (const auto& r : current_)
      if (r->first_ready_at != 0)
        progress = std::max(progress, r->first_ready_at + policy_.min_ready + policy_.pause_duration);
    Millis out = progress + policy_.progress_deadline;
    for (const auto& r : current_)
      if (const auto own = ready_deadline(*r)) out = std::min(out, *own);
    return out;
  }
  std::optional<Millis> ready_deadline(const Replica& r) const {
    const auto node = snapshot_.node(r.node);
    if (r.running_at == 0 || r.first_ready_at != 0 || r.ready || !node || node->state != NodeState::ready)
      return std::nullopt;
    return std::max(r.running_at, rollout_.progress_from) + policy_.ready_timeout +
           startup_allowance(snapshot_.version(workload_.uid, r.version).get());
  }

  /// The one that is furthest from being ready.
  ReplicaPtr worst() const {
    if (!failed_.empty()) return failed_.back();
    ReplicaPtr out;
    for (const auto& r : current_) {
      if (is_steady(*r)) continue;
      if (!out || distance(*r) > distance(*out)) out = r;
    }
    return out;
  }
  int distance(const Replica& r) const {
    if (is_ready(r)) return 1;
    if (r.phase == Phase::running) return 2;
    if (r.phase == Phase::backoff) return 5;
    return r.phase == Phase::pending ? 4 : 3;
  }

  std::string waiting_for(const RolloutStatus& so_far) const {
    if (rollout_.paused) return "it is paused: nothing starts or stops for it until it is resumed";
    if (so_far.awaits_promotion) return promotion_words();
    if (const auto replica = worst())
      return waiting_words_of(*replica) + "; deadline in " + duration_words(so_far.deadline_in.value_or(0));
    const auto words = next_words();
    return words.empty() ? words : "waiting " + words;
  }

  std::string promotion_words() const {
    std::string out = "waiting for promotion: " + std::to_string(current_.size()) + " of " +
                      plural(workload_.spec.replicas, "replica") + " " +
                      (current_.size() == 1 ? "is" : "are") + " of version " +
                      std::to_string(rollout_.to_version) + " and ready";
    if (!policy_.canary->promote_after) return out;
    Millis since = 0;
    for (const auto& r : current_) since = std::max(since, r->ready_at);
    return out + "; by itself in " + duration_words(since + *policy_.canary->promote_after - now_.store);
  }

  std::string waiting_words_of(const Replica& r) const {
    const auto& id = r.id.value;
    if (r.phase == Phase::failed) return "replica " + id + " failed for good" + because(r.reason);
    if (r.phase == Phase::pending) return "waiting for a place for " + id + because(r.reason);
    if (is_ready(r))
      return "waiting for " + id + " to stay ready for another " +
             duration_words(r.ready_at + policy_.min_ready - now_.store);
    if (r.phase != Phase::running)
      return "waiting for " + id + " to become ready: it is " + to_string(r.phase) + because(r.reason);
    if (!r.ready) return "waiting for " + id + " to become ready" + because(probe_words(r, now_.wall));
    const auto node = snapshot_.node(r.node);
    return "waiting for node " + r.node.value + " of " + id + ", which is " +
           (node ? to_string(node->state) : "gone");
  }
  static std::string because(const std::string& reason) { return reason.empty() ? "" : ": " + reason; }

  /// Everything that there is of the new version is ready.
  std::string next_words() const {
    const bool complete = current_.size() >= workload_.spec.replicas;
    if (const auto left = pause_left(); left > 0 && !complete && !others_.empty())
      return "between two batches for another " + duration_words(left);
    if (!leaving_.empty()) return leaving_words();
    if (complete && policy_.strategy == RolloutStrategy::blue_green &&
        workload_.serving_version != rollout_.to_version && rollout_.from_version != 0)
      return "for the switch to version " + std::to_string(rollout_.to_version);
    if (!complete || !others_.empty()) return "for the next batch";
    return {};
  }
  Millis pause_left() const {
    Millis since = 0;
    for (const auto& r : current_) since = std::max(since, r->ready_at + policy_.min_ready);
    return since + policy_.pause_duration - now_.store;
  }
  std::string leaving_words() const {
    if (leaving_.size() > 1)
      return "for " + plural(static_cast<std::uint32_t>(leaving_.size()), "replica") + " to stop";
    const auto& r = *leaving_.front();
    if (!r.stop_requested()) return "for those who send requests to let go of " + r.id.value;
    return "for " + r.id.value + " to stop" + because(r.reason);
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> out;
    const auto floor = std::to_string(bounds_.min_available);
    if (policy_.strategy == RolloutStrategy::rolling_update && bounds_.surge_raised)
      out.push_back("max_surge is 0, but min_available " + floor + " of " +
                    plural(workload_.spec.replicas, "replica") +
                    " leaves nothing to stop first: 1 replica more is started at a time");
    if (policy_.strategy == RolloutStrategy::recreate && policy_.min_available.value_or(0) > 0 &&
        rollout_.from_version != 0)
      out.push_back("strategy RECREATE stops every replica before the new ones start: min_available " +
                    floor + " is not kept during it");
    if (policy_.strategy == RolloutStrategy::blue_green) note_blue_green(out);
    return out;
  }
  void note_blue_green(std::vector<std::string>& out) const {
    const auto unplaced = std::find_if(current_.begin(), current_.end(),
                                       [](const auto& r) { return r->phase == Phase::pending; });
    if (rollout_.is_active() && unplaced != current_.end() && !others_.empty() &&
        !(*unplaced)->reason.empty())
      out.push_back("strategy BLUE_GREEN needs room for two full sets, and it is missing: " +
                    *(*unplaced)->reason);
    const auto left = rollout_.switched_at + policy_.switch_back_window - now_.store;
    if (rollout_.state == RolloutState::completed && rollout_.switched_at != 0 && left > 0 &&
        !others_.empty())
      out.push_back("the replicas of version " + std::to_string(rollout_.from_version) +
                    " are kept for another " + duration_words(left) + ": an undo switches back at once");
  }

  const Snapshot& snapshot_;
  const Workload& workload_;
  const Rollout& rollout_;
  const RolloutPolicy& policy_;
  const StatusTime now_;
  const RolloutBounds bounds_;
  std::vector<ReplicaPtr> current_;  // of to_version, live and not leaving
  std::vector<ReplicaPtr> others_;   // of another version, live and not leaving
  std::vector<ReplicaPtr> leaving_;  // live
  std::vector<ReplicaPtr> failed_;   // of to_version, for good
  std::uint32_t ready_ = 0, updated_ready_ = 0, available_ = 0;
};

}  // namespace

bool receives_requests(const Workload& workload, const Replica& replica) {
  return replica.serving && !replica.is_leaving() &&
         (workload.serving_version == 0 || workload.serving_version == replica.version);
}

RolloutStatus derive_rollout(const Snapshot& snapshot, const Workload& workload, const Rollout& rollout,
                             const StatusTime& now) {
  if (rollout.number == workload.rollout) return Teller(snapshot, workload, rollout, now).tell();
  RolloutStatus out;
  out.phase = phase_of_rollout(rollout, false);
  return out;
}

}  // namespace cloudless::workload_state
