// The event log: follows commits and answers what happened.
#pragma once

#include "messages/carried.hpp"
#include "messages/store.hpp"

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_events, caf::first_custom_type_id + 60)
CAF_ADD_TYPE_ID(cloudless_events, (cloudless::Carried<cloudless::EventQuery>))
CAF_ADD_TYPE_ID(cloudless_events, (cloudless::Carried<cloudless::EventList>))
CAF_END_TYPE_ID_BLOCK(cloudless_events)

namespace cloudless {

using events_actor = ActorOf<caf::result<void>(CommitsPublished),
                             // From a gateway.
                             caf::result<Carried<EventList>>(Carried<EventQuery>),
                             // From the link hub: what happened without a commit (a command was run). Their
                             // revision becomes that of the newest commit seen.
                             caf::result<void>(Carried<EventList>)>;

}  // namespace cloudless
