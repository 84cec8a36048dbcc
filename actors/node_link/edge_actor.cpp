#include "actors/node_link/edge_actor.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>

#include "actors/node_link/session_window.hpp"
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

/// What all sessions of a node may have been granted at once is less.
constexpr std::size_t kInputBacklog = 64 << 20;

class PeerState {
 public:
  explicit PeerState(link_peer_shell::pointer self) : self_(self) {}

  NodeId node;
  std::uint64_t connection = 0;
  link_peer_actor agent;
  bool warned = false;

  /// Input of sessions goes as far as the agent takes it, so that it never delays leases; all else goes at
  /// once.
  void to_agent(const LinkFrame& frame) {
    const auto* session = std::get_if<SessionFrame>(&frame);
    auto bytes = codec::encode(frame);
    if (session == nullptr || !std::holds_alternative<SessionInput>(session->body))
      return self_->send(agent, frame_atom_v, std::move(bytes));
    if (!window_.push(std::move(bytes))) {
      spdlog::warn("node {}: more input of sessions is waiting than a link can carry; it is closed",
                   node.value);
      return self_->quit();
    }
    pump();
  }

 private:
  void pump() {
    while (auto bytes = window_.pop()) {
      const auto size = bytes->size();
      const auto taken = [this, size] {
        window_.acknowledged(size);
        pump();
      };
      // The agent's handler answers when it has taken the frame: that is the acknowledgement.
      self_->request(agent, kInputPatience, frame_atom_v, std::move(*bytes))
          .then(taken, [taken](const caf::error&) { taken(); });
    }
  }

  static constexpr std::chrono::seconds kInputPatience{10};
  link_peer_shell::pointer self_;
  SessionWindow window_{kSessionWindow, kInputBacklog};
};

/// One connection of one node; ends with either side, and with the bridge. Only the agent that came through
/// the door may speak through it.
link_peer_shell::behavior_type link_peer(link_peer_shell::stateful_pointer<PeerState> self,
                                         bridge_shell bridge, NodeId node, std::uint64_t connection,
                                         link_peer_actor agent) {
  self->state.node = std::move(node);
  self->state.connection = connection;
  self->state.agent = std::move(agent);
  self->monitor(self->state.agent);
  self->monitor(bridge);
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
        self->state.to_agent(*out->frame);
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

using door_shell = door_actor::extend<caf::replies_to<caf::timeout_atom>::with<void>>;

/// Numbers connections; shared by all doors of an edge.
using ConnectionCounter = std::shared_ptr<std::atomic<std::uint64_t>>;

enum class DoorLife { for_all, for_one_connection };
constexpr auto kHelloPatience = std::chrono::seconds{30};

struct DoorState {
  // Without it CAF would make the state of the actor's pointer, and the pointer a true.
  explicit DoorState(door_shell::pointer) {}
  bool used = false;
};

door_shell::behavior_type door(door_shell::stateful_pointer<DoorState> self, bridge_shell bridge,
                               ConnectionCounter connections, DoorLife life) {
  const bool single = life == DoorLife::for_one_connection;
  if (single) {
    self->set_down_handler([self](caf::down_msg&) { self->quit(); });
    self->monitor(bridge);
    self->delayed_send(self, kHelloPatience, caf::timeout_atom_v);
  }
  return {
      [=](hello_atom, const link_peer_actor& agent,
          const std::string& bytes) -> caf::result<link_peer_actor> {
        LinkFrame frame;
        const bool decoded = agent && bytes.size() <= kMaxFrameBytes && codec::decode(bytes, frame);
        const auto* hello = decoded ? std::get_if<Hello>(&frame) : nullptr;
        if (hello == nullptr || hello->description.id.empty() || (single && self->state.used))
          return to_caf({Errc::invalid_argument,
                         "the first frame of a node link must be a Hello with the node's name, once; use an "
                         "agent of this "
                         "version",
                         {}});
        self->state.used = true;
        const auto node = hello->description.id;
        const auto connection = ++*connections;
        const auto peer = self->spawn(link_peer, bridge, node, connection, agent);
        if (single) self->monitor(peer);
        self->send(bridge, caf::open_atom_v, node.value, connection, outlet_actor{peer});
        self->send(bridge, frame_atom_v, edge_frame(node, connection, std::move(frame)));
        return link_peer_actor{peer};
      },
      [=](caf::timeout_atom) {
        if (!self->state.used) self->quit();
      },
  };
}

}  // namespace

Edge spawn_edge(caf::actor_system& system) {
  const auto bridge = system.spawn(edge_bridge);
  const auto connections = std::make_shared<std::atomic<std::uint64_t>>(0);
  return {edge_bridge_actor{bridge}, door_actor{system.spawn(door, bridge, connections, DoorLife::for_all)},
          [&system, bridge, connections] {
            return door_actor{system.spawn(door, bridge, connections, DoorLife::for_one_connection)};
          }};
}

}  // namespace cloudless::node_link
