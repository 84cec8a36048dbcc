// Follows commits and keeps what they mean for people: the newest 10,000 events, in memory. After a restart
// the log begins anew.
#pragma once

#include "messages/domain/time.hpp"
#include "messages/events.hpp"

namespace cloudless {

/// `clock` outlives the system.
events_actor spawn_events(caf::actor_system& system, source_actor source, const Clock& clock);

}  // namespace cloudless
