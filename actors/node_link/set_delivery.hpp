// Which assignment set one connected node should be sent, and when: the whole set once it is welcomed,
// changes as they happen, and the whole set again when its leases show that something was lost. Pure; the
// link hub keeps one per connected node.
#pragma once

#include <optional>

#include "actors/node_link/held_set.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::node_link {

class SetDelivery {
 public:
  /// The node was welcomed; `set` is its full set now. Returns what to send.
  AssignmentSet welcomed(HeldSet set, Millis now);

  /// The full set as of a newer snapshot. Returns changes to the set sent before; absent if nothing changed
  /// for this node.
  std::optional<AssignmentSet> changed(HeldSet set, Millis now);

  /// The node's lease names the set on its disk. Returns the full set if that is another one although there
  /// was time to take ours, or a newer one than it showed before: changes that never end do not hide that one
  /// of them was lost.
  std::optional<AssignmentSet> leased(Revision on_disk, Millis now);

 private:
  HeldSet current_;         // the newest that was sent
  Revision shown_ = 0;      // the newest that the node has shown since it was welcomed
  bool awaited_ = false;    // it has not shown the newest yet
  Millis waits_since_ = 0;  // for the node to show something newer
  Millis patience_ = 0;
};

/// How long a node may take to put a set on its disk before it is sent again; doubles up to the greater one.
inline constexpr Millis kFirstPatience = 1000;
inline constexpr Millis kLongestPatience = 10000;

}  // namespace cloudless::node_link
