// What a node should be running, as a value: derived from a snapshot, compared with what was sent before, and
// cut into frames. Pure. Used by the link hub; `applied` is the agent's side of `difference`, so that both
// live in one place.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/node_link/pull_access.hpp"
#include "messages/domain/assignment.hpp"
#include "messages/domain/link.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::node_link {

/// Everything that `node` should know of at this snapshot: a full set with all replicas on it that are not
/// terminal, those that should stop included, ordered by workload and ordinal. A replica whose version is not
/// in the snapshot is left out.
/// `open`: for the pull secrets that the replicas name.
AssignmentSet assignment_set(const Snapshot& snapshot, const NodeId& node, const OpenSecret& open = {});

/// What turns `before` into `after`; both are full sets of one node and one cluster. full is false,
/// base_revision is before's.
AssignmentSet difference(const AssignmentSet& before, const AssignmentSet& after);

/// The full set after `changes`; absent if they do not apply to `base` (another revision, cluster or node).
std::optional<AssignmentSet> applied(const AssignmentSet& base, const AssignmentSet& changes);

/// Connected or not: the nodes whose assignment sets these commits change. `before` is the snapshot they
/// apply to, `after` the one they lead to.
std::set<NodeId> touched_nodes(const Snapshot& before, const Snapshot& after,
                               const std::vector<Commit>& commits);

/// Bytes in one SetPart.
inline constexpr std::size_t kSetPartBytes = 64 << 10;
/// Parts in one set: 64 MiB are enough for 10,000 replicas on a node.
inline constexpr std::uint32_t kMaxSetParts = 1024;

/// The encoded set, led by a checksum, cut into parts, in order; at least one.
std::vector<SetPart> set_parts(Revision revision, const std::string& encoded);

/// Puts the parts of a set together again. Parts may come late, twice and in any order; a newer revision
/// throws away an older one.
class SetAssembly {
 public:
  /// The encoded set when this was its last missing part and the whole is what was cut (full and changes of
  /// one revision may have been mixed by losses; then nothing comes out, and the coordinator sends it again).
  std::optional<std::string> add(const SetPart& part);
  /// Forgets everything: a new connection begins.
  void clear();

 private:
  Revision revision_ = 0;
  std::vector<std::optional<std::string>> parts_;
  std::size_t missing_ = 0;
};

}  // namespace cloudless::node_link
