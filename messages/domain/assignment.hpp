// What a node should be running: derived from a snapshot by actors/node_link, kept on disk by the agent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/replica.hpp"
#include "messages/domain/secret.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless {

/// Which bytes a replica runs. Until the version's digest is known one replica resolves the tag and reports
/// what it found, and the others wait for it. All empty: from a coordinator that does not pin.
struct ImagePin {
  std::string digest;  ///< known: run this and nothing else
  ReplicaId resolver;  ///< while it is not known: who finds out
  bool operator==(const ImagePin&) const = default;
};

/// How the image may be pulled: what the spec's pull secrets hold for the image's registry.
struct PullAccess {
  std::vector<RegistryCredentials> credentials;  ///< in the order of the spec; tried one after the other
  std::vector<std::string> problems;             ///< named secrets that are of no use, in words
  bool operator==(const PullAccess&) const = default;
};

struct Assignment {
  ReplicaId replica;
  WorkloadUid workload;
  std::string ns;
  std::string workload_name;
  std::uint64_t version = 0;
  Template pod;
  StopCause stop = StopCause::none;  ///< anything but none: end it and report STOPPED
  ResourceLimits limits;             ///< the workload's present ones; a change is carried out in place
  ImagePin image{};
  PullAccess access{};
  std::vector<std::uint8_t> gpus;  ///< indices of the node's GPUs that it has
  bool operator==(const Assignment&) const = default;
};

/// A full set replaces everything; changes apply to the set at base_revision, else the agent asks for a full
/// one.
struct AssignmentSet {
  std::string cluster_id;
  NodeId node;
  Revision revision = 0;  ///< of the snapshot it was derived from: sets only move forward
  bool full = true;
  Revision base_revision = 0;  ///< for changes
  std::vector<Assignment> assignments;
  std::vector<ReplicaId> removed;  ///< for changes
  bool operator==(const AssignmentSet&) const = default;
};

}  // namespace cloudless
