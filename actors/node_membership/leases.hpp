// How long ago each node was heard of, on steady time, and what follows from it. Nothing here is stored: a
// coordinator that starts grants every node a full lease. When the detector itself is late, it cannot have
// heard anybody: all leases are extended by as much.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "messages/domain/ids.hpp"
#include "messages/domain/node.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::node_membership {

class Leases {
 public:
  /// duration: without a lease for this long a node is OFFLINE, for half of it SUSPECT. period: how often
  /// advance() is meant to be called, at least.
  Leases(Millis duration, Millis period) : duration_(duration), period_(period) {}

  /// A full lease for a node that nobody has heard yet: a coordinator that starts knows nothing against it.
  void presume(const NodeId& node, std::uint64_t incarnation, Millis now);
  /// A full lease for a node that just registered; replaces what was known of it.
  void grant(const NodeId& node, std::uint64_t incarnation, Millis now);
  /// A lease arrived. False: it is of another incarnation, or of a node without a lease; it changes nothing.
  bool renew(const NodeId& node, std::uint64_t incarnation, Millis now);

  /// The detector runs: notes how late it is.
  void advance(Millis now);

  /// What the lease says: READY, SUSPECT or OFFLINE; absent if there is none, or if it is fresh but only
  /// presumed.
  std::optional<NodeState> verdict(const NodeId& node, Millis now) const;
  /// Since the node was last heard, without the detector's own lateness; 0 if there is no lease.
  Millis silence(const NodeId& node, Millis now) const;

 private:
  struct Entry {
    std::uint64_t incarnation = 0;
    Millis heard = 0;
    Millis lateness_then = 0;
    bool presumed = false;
  };

  Millis duration_;
  Millis period_;
  std::optional<Millis> last_advance_;
  Millis lateness_ = 0;  // summed up
  std::map<NodeId, Entry> entries_;
};

}  // namespace cloudless::node_membership
