// What an agent keeps on its disk: which cluster it belongs to, what it should be running, and what became of
// attempts that ended. Written by actors/runtime, encoded by messages/codec/agent_state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/domain/assignment.hpp"

namespace cloudless {

/// Durable before anything that follows the end of an attempt is done or said: a restarted agent neither
/// starts an ended run anew nor forgets its exit code, and its attempt numbers never go back.
struct ReplicaProgress {
  ReplicaId replica;
  std::uint32_t ended_attempts = 0;  ///< attempts 1 to this one are over
  std::uint32_t ends_in_a_row = 0;
  std::uint32_t retries_in_a_row = 0;
  std::optional<Phase> outcome;  ///< succeeded or failed: the replica is over
  std::optional<std::int32_t> exit_code;
  std::string reason;
  ContainerId container;  ///< of the last attempt that ended
  WallMillis started_at = 0;
  /// Why the attempt after those is being ended by us (a probe failed); empty: it is not.
  std::string condemned;
  bool operator==(const ReplicaProgress&) const = default;
};

struct AgentState {
  std::string cluster_id;  ///< pinned; empty: none yet
  AssignmentSet set;       ///< always full; revision 0: none yet
  std::vector<ReplicaProgress> progress;
  bool operator==(const AgentState&) const = default;
};

}  // namespace cloudless
