// What a coordinator offers to processes of ours elsewhere (cloudless-gateway, deciders on other machines):
// the handles of its ring, from one door behind the ring port. Those processes hold the ring's secret and are
// trusted with everything; agents are not (rule 13).
#pragma once

#include "messages/events.hpp"
#include "messages/node_link.hpp"
#include "messages/node_membership.hpp"
#include "messages/secrets.hpp"
#include "messages/store.hpp"
#include "messages/workload_state.hpp"

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_ring, caf::first_custom_type_id + 120)
CAF_ADD_TYPE_ID(cloudless_ring, (cloudless::store_actor))
CAF_ADD_TYPE_ID(cloudless_ring, (cloudless::workload_state_actor))
CAF_ADD_TYPE_ID(cloudless_ring, (cloudless::node_membership_actor))
CAF_ADD_TYPE_ID(cloudless_ring, (cloudless::link_hub_actor))
CAF_ADD_TYPE_ID(cloudless_ring, (cloudless::events_actor))
CAF_ADD_TYPE_ID(cloudless_ring, (cloudless::wire_follower_actor))
CAF_END_TYPE_ID_BLOCK(cloudless_ring)

namespace cloudless {

/// What the ring port publishes. (hello_atom, what the caller is, for the log) answers with the handles; they
/// stay good until the connection ends. Across processes follow the store with wire_atom, not follow_atom.
using ring_door_actor =
    ActorOf<caf::result<store_actor, workload_state_actor, node_membership_actor, link_hub_actor,
                        events_actor, secrets_actor>(hello_atom, std::string)>;

}  // namespace cloudless
