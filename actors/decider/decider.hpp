// What a decider computes: it follows commits into a view and says what it would have workload_state do.
// Pure: no actor, no clock; store time (messages/domain/store_clock.hpp) is an argument. The scheduler and
// the rollout are deciders; decider_actor carries their proposals. Everything a decider keeps can be rebuilt
// by load().
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "messages/domain/proposal.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::decider {

class Decider {
 public:
  virtual ~Decider() = default;
  /// Starts anew from this view; never null.
  virtual void load(SnapshotPtr view) = 0;
  /// The commits in order, and the view after the last of them.
  virtual void apply(const std::vector<Commit>& commits, SnapshotPtr after) = 0;
  /// Everything is to be looked at again by the next propose().
  virtual void look_at_everything() = 0;
  /// What should be done now: at most `limit` items, the most urgent first. Empty: nothing. May be asked
  /// again at the same view, for instance after a proposal was lost. `now`: store time.
  virtual std::vector<ProposalItem> propose(std::size_t limit, Millis now) = 0;
  /// Store time at which propose() should be asked although nothing was committed; absent: no need.
  virtual std::optional<Millis> wake_at() const { return std::nullopt; }
};

}  // namespace cloudless::decider
