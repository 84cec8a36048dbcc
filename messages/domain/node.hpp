// A machine with an agent, as node_membership keeps it. Heartbeats are not stored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/resources.hpp"
#include "messages/domain/time.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless {

enum class NodeState : std::uint8_t { ready = 1, suspect = 2, offline = 3 };
const char* to_string(NodeState state);

enum class TaintEffect : std::uint8_t { no_schedule = 1, prefer_no_schedule = 2, no_execute = 3 };

struct Taint {
  std::string key;
  std::string value;
  TaintEffect effect = TaintEffect::no_schedule;
  bool operator==(const Taint&) const = default;
};

/// On a node whose container runtime does not answer: its agent sets and takes away this taint, NO_SCHEDULE.
inline constexpr char kRuntimeAwayTaint[] = "cloudless.io/runtime-away";

/// What an agent says of its machine when it registers (from agent.yaml and the machine itself).
struct NodeDescription {
  NodeId id;
  std::string
      machine_uid;  ///< random, kept in the agent's state directory: tells two agents of one name apart
  std::string region;
  std::string zone;
  Labels labels;
  std::vector<Taint> taints;
  std::uint64_t cost_milli = 0;
  Resources capacity;
  Resources allocatable;
  std::string agent_address;  ///< "host:port" of the agent's gRPC API
  std::string agent_version;
  std::string architecture;
  bool operator==(const NodeDescription&) const = default;
};

/// Record "node/<id>". Owner: node_membership.
struct Node {
  NodeDescription description;
  /// Moves with every change of this record (like Workload::revision).
  Revision revision = 0;
  /// Moves with capacity, labels, taints, cordon, drain and state: named by every assignment as its
  /// precondition.
  Revision schedulable_revision = 0;
  /// Grows by one with each registration of an agent process; reports of an older one are stale.
  std::uint64_t incarnation = 0;
  /// Of the agent process that has this incarnation: the same one keeps it, also across a restart of the
  /// coordinator.
  std::uint64_t boot_id = 0;
  NodeState state = NodeState::ready;
  bool cordoned = false;
  Labels labels;                            ///< description.labels with the operator's changes
  std::vector<Taint> taints;                ///< description.taints with the operator's changes
  Labels set_labels;                        ///< operator's changes, kept across registrations
  std::vector<std::string> removed_labels;  ///< operator's changes, kept across registrations
  std::vector<Taint> set_taints;
  std::vector<std::string> removed_taints;
  std::string reason;  ///< why it is not ready, in words
  WallMillis registered_at = 0;
  /// Its replicas move elsewhere, as fast as their availability allows; nothing new is placed there.
  bool draining = false;

  bool schedulable() const { return state == NodeState::ready && !cordoned && !draining; }
  bool operator==(const Node&) const = default;
};

}  // namespace cloudless
