// The owner of nodes: registration, leases, OFFLINE at their end, cordon, labels and taints.
#pragma once

#include "messages/carried.hpp"
#include "messages/store.hpp"

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_node_membership, caf::first_custom_type_id + 40)
CAF_ADD_TYPE_ID(cloudless_node_membership, (cloudless::Carried<cloudless::NodeCommand>))
CAF_ADD_TYPE_ID(cloudless_node_membership, (cloudless::Carried<cloudless::NodeReply>))
CAF_ADD_TYPE_ID(cloudless_node_membership, (cloudless::Carried<cloudless::LinkFrame>))
CAF_ADD_ATOM(cloudless_node_membership, cloudless, lease_atom, "lease")
CAF_END_TYPE_ID_BLOCK(cloudless_node_membership)

namespace cloudless {

using node_membership_actor = ActorOf<
    // From a gateway. INVALID_ARGUMENT, NOT_FOUND, ABORTED, UNAVAILABLE.
    caf::result<Carried<NodeReply>>(Carried<NodeCommand>),
    // From node_link: a Hello; answers with Welcome or Refused once the registration is durable.
    caf::result<Carried<LinkFrame>>(Carried<LinkFrame>),
    // From node_link: node id and incarnation are alive now, with the round trip that the agent measured,
    // milliseconds, 0: not known, or below one. Not stored as such.
    caf::result<void>(lease_atom, std::string, std::uint64_t, std::uint32_t)>;

}  // namespace cloudless
