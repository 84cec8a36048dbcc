// What users ask the owners to do. Sent by gateways; values are already parsed and valid in themselves, what
// depends on the present state is judged by the owner.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/domain/node.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless {

/// Who asks, and the idempotency key if there is one (ARCHITECTURE.md, rule 14).
struct CommandContext {
  std::string principal;
  std::string method;  ///< "CreateWorkload"
  std::string ns;
  std::string idempotency_key;  ///< empty: none
  std::string request_hash;     ///< of the encoded request; compared when the key comes again
  bool operator==(const CommandContext&) const = default;
};

struct CreateWorkload {
  std::string ns;
  std::string name;
  WorkloadSpec spec;
  bool operator==(const CreateWorkload&) const = default;
};
/// The whole new spec: the gateway has merged the field mask into the spec at expected_revision.
struct UpdateWorkload {
  std::string ns;
  std::string name;
  WorkloadSpec spec;
  bool keep_replicas = false;      ///< the scale has another owner: spec.replicas is not looked at
  Revision expected_revision = 0;  ///< 0: whatever it is
  bool operator==(const UpdateWorkload&) const = default;
};
struct ScaleWorkload {
  std::string ns;
  std::string name;
  std::uint32_t replicas = 0;
  Revision expected_revision = 0;
  bool operator==(const ScaleWorkload&) const = default;
};
struct DeleteWorkload {
  std::string ns;
  std::string name;
  Revision expected_revision = 0;
  bool operator==(const DeleteWorkload&) const = default;
};

/// What a user may do with a rollout. The values are sent: never renumber.
enum class RolloutAction : std::uint8_t {
  pause = 1,
  resume = 2,
  promote = 3,  ///< the canary is good
  abort = 4,    ///< back to the last version that was fully ready
  undo = 5,     ///< to another version: to_version, else the last one before that was fully ready
  restart = 6,  ///< new containers of the same template, as a new version
};

/// FAILED_PRECONDITION where the newest rollout is not such that this can be done; says what can.
struct ControlRollout {
  std::string ns;
  std::string name;
  RolloutAction action = RolloutAction::pause;
  std::uint64_t to_version = 0;    ///< undo only; 0: choose
  Revision expected_revision = 0;  ///< of the workload; 0: whatever it is
  bool operator==(const ControlRollout&) const = default;
};

/// Marks replicas of one workload that are to move to a better place (Replica::evict = rebalance); each is
/// replaced as its workload's availability allows. One that does not exist or is leaving is passed over.
struct MoveReplicas {
  std::string ns;
  std::string name;
  std::vector<ReplicaId> replicas;  ///< 1-100
  bool operator==(const MoveReplicas&) const = default;
};

struct WorkloadCommand {
  CommandContext context;
  std::variant<CreateWorkload, UpdateWorkload, ScaleWorkload, DeleteWorkload, ControlRollout, MoveReplicas>
      action;
  bool operator==(const WorkloadCommand&) const = default;
};

/// The workload as it was committed, and the revision to wait for in a mirror before the client is answered.
struct CommandReply {
  Workload workload;
  Revision store_revision = 0;
  bool operator==(const CommandReply&) const = default;
};

struct UpdateNode {
  NodeId node;
  Labels set_labels;
  std::vector<std::string> remove_labels;
  std::vector<Taint> set_taints;
  std::vector<std::string> remove_taints;
  Revision expected_revision = 0;
  bool operator==(const UpdateNode&) const = default;
};
struct CordonNode {
  NodeId node;
  bool cordoned = true;  ///< false: uncordon, and end draining
  Revision expected_revision = 0;
  bool operator==(const CordonNode&) const = default;
};

/// Moves the node's replicas elsewhere. Ended by uncordoning.
struct DrainNode {
  NodeId node;
  Revision expected_revision = 0;
  bool operator==(const DrainNode&) const = default;
};

struct NodeCommand {
  CommandContext context;
  std::variant<UpdateNode, CordonNode, DrainNode> action;
  bool operator==(const NodeCommand&) const = default;
};

struct NodeReply {
  Node node;
  Revision store_revision = 0;
  bool operator==(const NodeReply&) const = default;
};

}  // namespace cloudless
