#include "actors/node_link/edge_actor.hpp"

#include <spdlog/spdlog.h>

#include <map>

#include "messages/caf_error.hpp"

namespace cloudless::node_link {
namespace {

/// A peer as the bridge sees it: takes frames for its node; an absent frame closes the connection.
using outlet_actor = ActorOf<caf::result<void>(EdgeFramePtr)>;

using link_peer_shell = ActorOf<caf::result<void>(frame_atom, std::string),
                                // From the bridge.
                                caf::result<void>(EdgeFramePtr)>;

using bridge_shell = ActorOf<caf::result<void>(EdgeFramePtr), caf::result<void>(attach_atom, link_hub_actor),
                             // From the door: a new connection of this node, and the peer that stands for it.
                             caf::result<void>(caf::open_atom, std::string, std::uint64_t, outlet_actor),
                             // From the door and the peers: a frame of a node, for the hub.
                             caf::result<void>(frame_atom, EdgeFramePtr)>;

EdgeFramePtr edge_frame(const NodeId& node, std::uint64_t connection, std::optional<LinkFrame> frame) {
  return std::make_shared<const EdgeFrame>(EdgeFrame{node, connection, std::move(frame)});
}

struct PeerState {
  NodeId node;
  std::uint64_t connection = 0;
  link_peer_actor agent;
  bool warned = false;
};

/// One connection of one node; ends with either side. Only the agent that came through the door may speak
/// through it.
link_peer_shell::behavior_type link_peer(link_peer_shell::stateful_pointer<PeerState> self,
                                         bridge_shell bridge, NodeId node, std::uint64_t connection,
                                         link_peer_actor agent) {
  self->state.node = std::move(node);
  self->state.connection = connection;
  self->state.agent = std::move(agent);
  self->monitor(self->state.agent);
  self->set_down_handler([self](caf::down_msg&) { self->quit(); });
  return {
      // From the agent: one encoded frame.
      [self, bridge](frame_atom, const std::string& bytes) {
        auto& state = self->state;
        if (self->current_sender() != caf::actor_cast<caf::strong_actor_ptr>(state.agent)) return;
        LinkFrame frame;
        if (bytes.size() > kMaxFrameBytes || !codec::decode(bytes, frame)) {
          if (!state.warned)
            spdlog::warn("node {}: dropped a frame of {} bytes that is not one of ours", state.node.value,
                         bytes.size());
          state.warned = true;
          return;
        }
        if (const auto* hello = std::get_if<Hello>(&frame); hello && hello->description.id != state.node)
          return;
        self->send(bridge, frame_atom_v, edge_frame(state.node, state.connection, std::move(frame)));
      },
      // From the bridge: a frame for the agent, or nothing: close.
      [self](const EdgeFramePtr& out) {
        if (!out->frame) return self->quit();
        self->send(self->state.agent, frame_atom_v, codec::encode(*out->frame));
      },
  };
}

struct BridgeState {
  struct Peer {
    NodeId node;
    outlet_actor outlet;
  };
  std::map<std::uint64_t, Peer> peers;
  link_hub_actor hub;
};

bridge_shell::behavior_type edge_bridge(bridge_shell::stateful_pointer<BridgeState> self) {
  // The hub lives in another actor system: a plain send would run it on this one's scheduler.
  auto to_hub = [self](const EdgeFramePtr& frame) {
    if (self->state.hub) caf::anon_send(self->state.hub, frame);
  };
  self->set_down_handler([self, to_hub](caf::down_msg& down) {
    auto& peers = self->state.peers;
    for (auto it = peers.begin(); it != peers.end(); ++it) {
      if (it->second.outlet.address() != down.source) continue;
      to_hub(edge_frame(it->second.node, it->first, std::nullopt));
      peers.erase(it);
      return;
    }
  });
  return {
      // From the hub.
      [self](const EdgeFramePtr& out) {
        const auto peer = self->state.peers.find(out->connection);
        if (peer != self->state.peers.end()) self->send(peer->second.outlet, out);
      },
      [self](attach_atom, const link_hub_actor& hub) { self->state.hub = hub; },
      [self](caf::open_atom, std::string& node, std::uint64_t connection, const outlet_actor& outlet) {
        self->state.peers.emplace(connection, BridgeState::Peer{NodeId{std::move(node)}, outlet});
        self->monitor(outlet);
      },
      [to_hub](frame_atom, const EdgeFramePtr& frame) { to_hub(frame); },
  };
}

struct DoorState {
  std::uint64_t connections = 0;
};

door_actor::behavior_type door(door_actor::stateful_pointer<DoorState> self, bridge_shell bridge) {
  // Agents can name this actor, so any of them could ask it to end: only its own process may.
  self->set_exit_handler([self](caf::exit_msg& exit) {
    if (exit.source == nullptr || exit.source.node() == self->node()) self->quit(exit.reason);
  });
  return {
      [self, bridge](hello_atom, const link_peer_actor& agent,
                     const std::string& bytes) -> caf::result<link_peer_actor> {
        LinkFrame frame;
        const bool decoded = agent && bytes.size() <= kMaxFrameBytes && codec::decode(bytes, frame);
        const auto* hello = decoded ? std::get_if<Hello>(&frame) : nullptr;
        if (hello == nullptr || hello->description.id.empty())
          return to_caf({Errc::invalid_argument,
                         "the first frame of a node link must be a Hello with the node's name; use an agent "
                         "of this version",
                         {}});
        const auto node = hello->description.id;
        const auto connection = ++self->state.connections;
        const auto peer = self->spawn(link_peer, bridge, node, connection, agent);
        self->send(bridge, caf::open_atom_v, node.value, connection, outlet_actor{peer});
        self->send(bridge, frame_atom_v, edge_frame(node, connection, std::move(frame)));
        return link_peer_actor{peer};
      },
  };
}

}  // namespace

Edge spawn_edge(caf::actor_system& system) {
  const auto bridge = system.spawn(edge_bridge);
  return {edge_bridge_actor{bridge}, system.spawn(door, bridge)};
}

}  // namespace cloudless::node_link
