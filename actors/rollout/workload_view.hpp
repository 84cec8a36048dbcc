// What matters of one workload for its rollout, as plain values: counts, numbers and times, no records. Built
// from a snapshot by view_of(), and by tests by hand, so that millions of steps are cheap. A value: it never
// changes behind anybody's back.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "messages/domain/replica.hpp"
#include "messages/domain/rollout.hpp"
#include "messages/domain/rollout_policy.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::rollout {

/// Of the node that a replica is on.
enum class NodeStanding : std::uint8_t {
  none,   ///< the replica has no node yet
  ready,  ///< what is reported from there is true
  doubt,  ///< SUSPECT: it may run, but nobody knows
  lost,   ///< OFFLINE, or gone
};

/// That a replica has to leave its node and be replaced elsewhere.
struct Move {
  StopCause cause = StopCause::none;  ///< drain, taint or rebalance; none: it may stay
  Millis from = 0;                    ///< store time
  bool is_due(Millis now) const { return cause != StopCause::none && from <= now; }
  bool operator==(const Move&) const = default;
};

struct ReplicaFact {
  std::uint64_t ordinal = 0;
  std::uint64_t version = 1;
  Millis running_at = 0;  // these three as in Replica
  Millis ready_at = 0;
  Millis first_ready_at = 0;
  WallMillis created_at = 0;
  Phase phase = Phase::pending;
  NodeStanding node = NodeStanding::none;
  Move move;
  bool ready = false;
  bool serving = true;
  bool leaving = false;      ///< told to stop, or withdrawn
  bool unplaceable = false;  ///< PENDING, and the scheduler said what is short
  // Of the workload as it is at this moment; set by view_of().
  bool earlier = false;  ///< made before the newest rollout began
  bool proven = false;   ///< its version was fully ready once
  bool operator==(const ReplicaFact&) const = default;
};

/// The replicas of one workload, in the order of ordinals.
struct ReplicaFacts {
  std::vector<ReplicaFact> facts;
  std::vector<const Replica*> records;  ///< of `facts`, one by one; they live in the snapshot
};

/// The newest rollout; fields as in Rollout.
struct RolloutFact {
  RolloutCause cause = RolloutCause::created;
  RolloutState state = RolloutState::active;
  std::uint64_t from_version = 0;
  WallMillis created_at = 0;
  bool paused = false;
  bool promoted = false;
  Millis started_at = 0;
  Millis progress_from = 0;
  Millis switched_at = 0;
  Millis mark = 0;
};

struct WorkloadView {
  std::uint32_t replicas = 1;  ///< wanted
  RolloutPolicy policy;        ///< never BLUE_GREEN for what runs to completion
  RolloutBounds bounds;        ///< of `policy` and `replicas`
  std::uint64_t version = 1;   ///< the current one
  std::uint64_t serving_version = 0;
  bool runs_to_completion = false;     ///< what ended by itself fills its place
  std::optional<RolloutFact> rollout;  ///< absent: none was ever recorded
  bool from_proven = false;            ///< the version that the rollout comes from was fully ready once
  bool serving_proven = false;         ///< so was the version that serves alone
  std::uint64_t last_proven = 0;       ///< where to go back to (last_good_version); 0: nowhere
  Millis startup_allowance = 0;        ///< what the startup probe allows beyond ready_timeout
  std::vector<ReplicaFact> facts;      ///< in the order of ordinals

  /// A rollout is under way.
  bool is_active() const { return rollout && rollout->state == RolloutState::active; }
  /// Nothing is to be replaced: paused by a user, or failed.
  bool is_frozen() const {
    return rollout && ((is_active() && rollout->paused) || rollout->state == RolloutState::failed);
  }
  /// A canary comes first and is not promoted yet. Going back to an earlier version needs none.
  bool is_canary() const;
};

/// RUNNING, ready for min_ready, not on its way out, on a READY node: it serves if its version does.
inline bool is_good(const WorkloadView& view, const ReplicaFact& r, Millis now) {
  return r.phase == Phase::running && r.ready && r.serving && !r.leaving && r.node == NodeStanding::ready &&
         now - r.ready_at >= view.policy.min_ready;
}
/// The same as the owner counts (actors/workload_state/budget).
inline bool is_available(const WorkloadView& view, const ReplicaFact& r, Millis now) {
  return is_good(view, r, now) && (view.serving_version == 0 || view.serving_version == r.version);
}

/// As the snapshot has them.
ReplicaFacts replicas_of(const Snapshot& snapshot, const WorkloadUid& workload);
ReplicaFact fact_of(const Snapshot& snapshot, const Replica& replica);

/// `facts`: those of this workload in this snapshot.
WorkloadView view_of(const Snapshot& snapshot, const Workload& workload, std::vector<ReplicaFact> facts);

}  // namespace cloudless::rollout
