// Which replicas a log or exec request means, and where they are. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::gateway {

/// As in StreamLogsRequest and ExecCommandRequest: one of workload, replica and container is not empty.
struct Selection {
  std::string ns;
  std::string workload;
  ReplicaId replica;
  ContainerId container;
};

struct Target {
  ReplicaId replica;
  NodeId node;
  ContainerId container;  ///< empty: the replica's present one
};

/// More replicas of one workload than this are not merged into one stream.
inline constexpr std::size_t kMostMerged = 256;

/// Everything that may have log lines: replicas that were started somewhere and are not lost. NOT_FOUND,
/// RESOURCE_EXHAUSTED; an empty answer: there is no replica with a log yet.
Result<std::vector<Target>> log_targets(const Snapshot& snapshot, const Selection& selection);

/// Whether log_targets may name more in time: the workload is there, or the named replica is and has not
/// ended.
bool more_logs_may_come(const Snapshot& snapshot, const Selection& selection);

/// Whether the replica is there and has not ended.
bool replica_lives(const Snapshot& snapshot, const ReplicaId& replica);

/// The replica to run a command in: the named one, or the workload's first ready one. FAILED_PRECONDITION if
/// it does not run.
Result<Target> exec_target(const Snapshot& snapshot, const Selection& selection);

}  // namespace cloudless::gateway
