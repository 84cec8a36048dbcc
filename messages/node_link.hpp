// The link between coordinator and agents. Agents talk BASP only to the edge system, which holds door_actor
// and one link_peer per node; the control system holds link_hub. The two systems exchange EdgeFrame values by
// anon_send between link_hub and edge_bridge, and nothing else (ARCHITECTURE.md, rule 13).
#pragma once

#include <optional>

#include "messages/carried.hpp"
#include "messages/store.hpp"

namespace cloudless {

/// A frame to or from one node. Never leaves the process.
struct EdgeFrame {
  NodeId node;
  /// Which connection of the node it came from, or is meant for; a new connection has a greater one, never 0.
  std::uint64_t connection = 0;
  /// Absent, from the edge: the connection is gone; to the edge: close it.
  std::optional<LinkFrame> frame;
};
using EdgeFramePtr = std::shared_ptr<const EdgeFrame>;

}  // namespace cloudless

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_node_link, caf::first_custom_type_id + 80)
CAF_ADD_TYPE_ID(cloudless_node_link, (cloudless::EdgeFramePtr))
CAF_ADD_TYPE_ID(cloudless_node_link, (cloudless::Carried<cloudless::SessionFrame>))
CAF_ADD_ATOM(cloudless_node_link, cloudless, hello_atom, "hello")
CAF_ADD_ATOM(cloudless_node_link, cloudless, frame_atom, "frame")
CAF_ADD_ATOM(cloudless_node_link, cloudless, attach_atom, "attach")
CAF_END_TYPE_ID_BLOCK(cloudless_node_link)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::EdgeFramePtr)

namespace cloudless {

/// Either end of a link as the other sees it: takes one encoded LinkFrame of at most 256 KiB.
using link_peer_actor = ActorOf<caf::result<void>(frame_atom, std::string)>;

/// What an agent finds at the node link's port: says who it is (encoded Hello), gets the peer to talk to from
/// then on.
using door_actor = ActorOf<caf::result<link_peer_actor>(hello_atom, link_peer_actor, std::string)>;

/// Where the frames of a session go: the gateway's end.
using session_sink_actor = ActorOf<caf::result<void>(Carried<SessionFrame>)>;

/// The control system's end: follows commits, sends each node its assignment set, hands reports to
/// workload_state and leases to node_membership, and carries sessions.
using link_hub_actor =
    ActorOf<caf::result<void>(CommitsPublished),
            // From edge_bridge.
            caf::result<void>(EdgeFramePtr),
            // From a gateway: opens a session (SessionOpen), or goes on with one. Its frames go to the sink;
            // the session is cancelled when the sink ends. UNAVAILABLE if the node has no link.
            caf::result<void>(Carried<SessionFrame>, session_sink_actor), caf::result<void>(sweep_atom)>;

/// The edge system's end of the bridge.
using edge_bridge_actor = ActorOf<caf::result<void>(EdgeFramePtr),
                                  // From the hub, once: where frames of nodes go from now on.
                                  caf::result<void>(attach_atom, link_hub_actor)>;

}  // namespace cloudless

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_link_handles, caf::first_custom_type_id + 92)
CAF_ADD_TYPE_ID(cloudless_link_handles, (cloudless::link_peer_actor))
CAF_ADD_TYPE_ID(cloudless_link_handles, (cloudless::session_sink_actor))
CAF_END_TYPE_ID_BLOCK(cloudless_link_handles)
