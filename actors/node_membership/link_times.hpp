// The round trips that agents measure, and when one becomes part of its node's record: seldom, since every
// change is a commit and makes schedulers look at the node again. Not stored by itself; pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "actors/owner/plan.hpp"
#include "messages/domain/node.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::node_membership {

/// For so long leases must agree that a round trip is another one than the record says.
inline constexpr Millis kSteadyFor = 10'000;

/// Another round trip, not the same with its usual wavering: they differ by a quarter of the longer one, and
/// by two milliseconds.
bool is_another_round_trip(std::uint32_t recorded_ms, std::uint32_t measured_ms);

class LinkTimes {
 public:
  /// A lease said so.
  void heard(const NodeId& node, std::uint32_t rtt_ms) { measured_[node].rtt_ms = rtt_ms; }

  /// Plans, and returns, the new record of every READY node whose leases have said another round trip for
  /// kSteadyFor. schedulable_revision stays: no rule depends on it.
  std::vector<Node> changes(owner::Plan& plan, Millis now, Revision stamp);

 private:
  struct Measured {
    std::uint32_t rtt_ms = 0;
    std::optional<Millis> another_since;
  };
  std::map<NodeId, Measured> measured_;
};

}  // namespace cloudless::node_membership
