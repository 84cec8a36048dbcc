// Which moves a replica's clock may make. (attempt, phase) only grows; a terminal phase is never left. Used
// by report, and by whoever checks histories.
#pragma once

#include <cstdint>

#include "messages/domain/replica.hpp"

namespace cloudless::workload_state {

struct Moment {
  std::uint32_t attempt = 0;
  Phase phase = Phase::pending;
  bool operator==(const Moment&) const = default;
};

/// Staying where it is counts as legal, unless it ended. A terminal phase may follow from every other,
/// whatever attempt the agent names: an agent that never heard of a replica reports it STOPPED at attempt 0.
bool is_legal(Moment from, Moment to);

/// What a node may say: not PENDING (it has no node then) and not LOST (only the control plane gives up a
/// node).
bool may_be_reported(Phase phase);

}  // namespace cloudless::workload_state
