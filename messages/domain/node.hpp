// A machine with an agent, as node_membership keeps it. Heartbeats are not stored.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/resources.hpp"
#include "messages/domain/time.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless {

enum class NodeState : std::uint8_t { ready = 1, suspect = 2, offline = 3 };
const char* to_string(NodeState state);

/// On a node whose container runtime does not answer: its agent sets and takes away this taint, NO_SCHEDULE.
inline constexpr char kRuntimeAwayTaint[] = "cloudless.io/runtime-away";

/// A directory of a node that workloads may mount, with all below.
struct AllowedPath {
  std::string path;
  bool writable = false;
  bool operator==(const AllowedPath&) const = default;
};

/// What an agent lets workloads do, as far as it decides on where they can run.
struct NodePolicy {
  std::vector<AllowedPath> host_paths;
  bool host_network = false;
  bool privileged = false;
  bool host_pid = false;
  bool host_ipc = false;
  bool operator==(const NodePolicy&) const = default;
};

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
  /// Runtime classes that a workload may name there. Empty: not said, by an older agent.
  std::vector<std::string> runtime_classes;
  /// What a workload may ask for there beyond its own container. Absent: not said, by an older agent.
  std::optional<NodePolicy> policy;
  /// Reservations may be this much of what is allocatable, per cent, 100-1000.
  std::uint32_t cpu_overcommit_percent = 100;
  std::uint32_t memory_overcommit_percent = 100;

  /// What replicas may reserve: allocatable, with the over-commit.
  Resources reservable() const;
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
  /// From 1, given at the first registration and never again: of equally good nodes the lowest is chosen.
  std::uint64_t ordinal = 0;
  /// How often it went OFFLINE of late: one more each time, half as many for each full day between.
  std::uint32_t recent_losses = 0;
  WallMillis last_lost_at = 0;  ///< 0: never
  /// Round trip of its link as measured, milliseconds, in steps of its quarter; 0: not known or below one.
  std::uint32_t link_rtt_ms = 0;
  /// Store time since which it has a NO_EXECUTE taint, by the taint's key.
  std::map<std::string, Millis> no_execute_since;

  bool schedulable() const { return state == NodeState::ready && !cordoned && !draining; }
  bool operator==(const Node&) const = default;
};

/// Store time from which a replica with these tolerations has to leave the node, because of a NO_EXECUTE
/// taint; absent: it may stay.
std::optional<Millis> has_to_leave_at(const Node& node, const std::vector<Toleration>& tolerations);

}  // namespace cloudless
