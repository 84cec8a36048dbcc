// What deciders (scheduler, rollout) ask workload_state to do, computed from a mirror at some revision. Each
// item is judged on its own at the owner's head and answered (ARCHITECTURE.md, rule 1).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/ids.hpp"
#include "messages/domain/replica.hpp"
#include "messages/domain/rollout.hpp"

namespace cloudless {

/// From rollout. Refused (ABORTED) unless the workload's next_ordinal and current version are still these: so
/// a repeat is accepted once.
struct AddReplicas {
  WorkloadUid workload;
  std::uint64_t version = 0;  ///< the current one, or the one that the newest rollout comes from
  std::uint64_t first_ordinal = 0;
  std::uint32_t count = 0;            ///< 1-100
  std::uint64_t current_version = 0;  ///< as seen; 0: `version` is it
  bool operator==(const AddReplicas&) const = default;
};
/// From scheduler. Refused unless the replica is PENDING without a stop and the node is as it was and has
/// room: of resources, of each of these GPUs, and of the host ports.
struct AssignReplica {
  ReplicaId replica;
  NodeId node;
  Revision schedulable_revision = 0;  ///< of the node, as seen
  std::vector<std::uint8_t> gpus;     ///< indices, as many as it wants; of a share: one
  bool operator==(const AssignReplica&) const = default;
};
/// From scheduler, for a workload with all_or_nothing: all of these or none, in one atomic commit. At most
/// kMaxGang of one workload.
struct AssignGang {
  std::vector<AssignReplica> members;
  bool operator==(const AssignGang&) const = default;
};
/// From scheduler: why a replica is still PENDING; at most 1024 bytes.
struct ExplainPending {
  ReplicaId replica;
  std::string reason;
  bool operator==(const ExplainPending&) const = default;
};
/// From rollout. A voluntary cause is refused (FAILED_PRECONDITION) below the availability floor. node_lost
/// is refused unless the node is OFFLINE or gone, and commits LOST at once. From scheduler: preempted, which
/// is refused unless for_replica is PENDING and of strictly higher priority.
struct StopReplica {
  ReplicaId replica;
  StopCause cause = StopCause::none;
  ReplicaId for_replica{};  ///< with preempted: who gets the place
  bool operator==(const StopReplica&) const = default;
};
/// From rollout, BLUE_GREEN: from this commit on only replicas of this version serve. Refused
/// (FAILED_PRECONDITION) if fewer of them than the availability floor are ready; ABORTED if the rollout is
/// not the newest one any more.
struct SwitchServing {
  WorkloadUid workload;
  std::uint64_t rollout = 0;
  std::uint64_t version = 0;
  bool operator==(const SwitchServing&) const = default;
};
/// From rollout: the canary was good for long enough. ABORTED if the rollout is not active any more.
struct PromoteRollout {
  WorkloadUid workload;
  std::uint64_t rollout = 0;
  bool operator==(const PromoteRollout&) const = default;
};
/// From rollout: it is over. COMPLETED is refused unless every wanted replica is of its version and available
/// and nothing older serves. With FAILED, `back_to` names the version that the next rollout goes to; 0: none.
/// ABORTED if it is over already, or the spec, or the version, has changed since.
struct EndRollout {
  WorkloadUid workload;
  std::uint64_t rollout = 0;
  RolloutState state = RolloutState::completed;  ///< completed or failed
  std::string reason;                            ///< at most 1024 bytes
  std::uint64_t back_to = 0;
  Revision workload_revision = 0;  ///< as seen
  bool operator==(const EndRollout&) const = default;
};
/// From rollout, while it waits for a moment and nothing else is committed: so that a restart loses little
/// store time. Accepted if it is the newest.
struct MarkTime {
  WorkloadUid workload;
  std::uint64_t rollout = 0;
  bool operator==(const MarkTime&) const = default;
};
/// From rollout: removes the record of a rollout that is over and not the newest.
struct ForgetRollout {
  WorkloadUid workload;
  std::uint64_t rollout = 0;
  bool operator==(const ForgetRollout&) const = default;
};
/// From rollout: removes the record of a replica that ended. Refused unless it is terminal.
struct ForgetReplica {
  ReplicaId replica;
  bool operator==(const ForgetReplica&) const = default;
};
/// From rollout: removes a deleted workload's record with its versions. Refused while it has replicas.
struct ForgetWorkload {
  WorkloadUid workload;
  bool operator==(const ForgetWorkload&) const = default;
};
/// From rollout: removes a version that nothing uses. Refused if it is current or a replica has it.
struct ForgetVersion {
  WorkloadUid workload;
  std::uint64_t version = 0;
  bool operator==(const ForgetVersion&) const = default;
};

using ProposalItem = std::variant<AddReplicas, AssignReplica, ExplainPending, StopReplica, ForgetReplica,
                                  ForgetWorkload, ForgetVersion, SwitchServing, PromoteRollout, EndRollout,
                                  MarkTime, ForgetRollout, AssignGang>;

struct Proposal {
  std::string from;      ///< "scheduler" or "rollout"
  Revision seen_at = 0;  ///< the mirror's revision it was computed from
  std::vector<ProposalItem> items;
  bool operator==(const Proposal&) const = default;
};

/// Per item, in order: code none is accepted.
struct ProposalAnswer {
  /// The decider computes again when its mirror has reached this.
  Revision judged_at = 0;
  std::vector<Error> items;
  bool operator==(const ProposalAnswer&) const = default;
};

}  // namespace cloudless
