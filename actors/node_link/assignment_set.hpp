// Assignment sets on their way: whom commits concern, the frames a set is cut into, and the agent's side of a
// change. Pure. What a set is made from: held_set.hpp.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "messages/domain/assignment.hpp"
#include "messages/domain/link.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::node_link {

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
