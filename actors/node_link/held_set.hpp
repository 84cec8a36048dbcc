// What the link hub keeps of the set that a node should have: which replicas, and what differs between them.
// What the replicas of one version have in common is kept once for all nodes, as one is 2 KB and there are
// many. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "actors/node_link/pull_access.hpp"
#include "messages/domain/assignment.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::node_link {

/// An assignment without its replica, stop and GPUs.
using CommonPart = std::shared_ptr<const Assignment>;

struct HeldAssignment {
  CommonPart common;  ///< never null
  std::uint64_t ordinal = 0;
  StopCause stop = StopCause::none;
  std::vector<std::uint8_t> gpus;
  bool operator==(const HeldAssignment&) const = default;
};

/// Assignments are ordered by workload and ordinal.
struct HeldSet {
  std::string cluster_id;
  NodeId node;
  Revision revision = 0;
  std::vector<HeldAssignment> assignments;
};

/// The common parts that are in use: what did not change stays the same object, so that comparing pointers is
/// comparing contents, but for one that changed and changed back.
class CommonParts {
 public:
  /// These commits may have changed what is known of whom they concern. To be told of all, in order.
  void apply(const std::vector<Commit>& commits);
  /// Everything may have changed.
  void restart();
  /// Of a replica's version at this snapshot, which is the one after the last of those commits; null if the
  /// version is not there. `open`: for the pull secrets that it names.
  CommonPart of(const Snapshot& snapshot, const Replica& replica, const OpenSecret& open);

 private:
  struct Known {
    bool is_current = false;
    std::weak_ptr<const Assignment> part;
  };
  void doubt(const WorkloadUid& uid);

  std::map<std::pair<WorkloadUid, std::uint64_t>, Known> known_;
  std::size_t tidy_at_ = 64;
};

/// Everything that `node` should know of at this snapshot: all replicas on it that are not terminal, those
/// that should stop included. A replica whose version is not in the snapshot is left out.
HeldSet held_set(const Snapshot& snapshot, const NodeId& node, CommonParts& parts, const OpenSecret& open);

/// As it is sent: a full set.
AssignmentSet whole(const HeldSet& set);
/// What turns `before` into `after`; both are of one node and one cluster. full is false, base_revision is
/// before's.
AssignmentSet difference(const HeldSet& before, const HeldSet& after);

}  // namespace cloudless::node_link
