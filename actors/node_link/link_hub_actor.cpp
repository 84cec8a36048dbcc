#include "actors/node_link/link_hub_actor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <utility>

#include "actors/node_link/assignment_set.hpp"
#include "actors/node_link/session_note.hpp"
#include "actors/node_link/session_table.hpp"
#include "actors/node_link/set_delivery.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::node_link {
namespace {

using namespace std::chrono_literals;

/// Reports of one node that the owner has not answered; more are dropped, and the agent repeats them.
constexpr std::size_t kMaxReportsInFlight = 8;

constexpr Millis kForwardsSaidEvery = 60'000;
constexpr char kClientLeft[] = "ended because the client left,";

/// A node that was welcomed: one connection, the newest.
struct Linked {
  std::uint64_t connection = 0;
  std::uint64_t incarnation = 0;
  SetDelivery sets;
  std::size_t reports_in_flight = 0;
};

class HubState {
 public:
  explicit HubState(link_hub_actor::pointer self) : self_(self) {}

  void start(source_actor source, workload_state_actor workload_state, node_membership_actor node_membership,
             edge_bridge_actor bridge, const Clock* clock, OpenSecret open, events_actor events);
  void sweep();
  void commits(const CommitsPublished& published);
  void from_edge(const EdgeFramePtr& in);
  void from_gateway(const SessionFrame& frame, const session_sink_actor& sink);
  void sink_down(const caf::actor_addr& sink);

 private:
  void follow();
  void to_node(const NodeId& node, std::uint64_t connection, std::optional<LinkFrame> frame);
  void send_set(const NodeId& node, std::uint64_t connection, const AssignmentSet& set);
  void hello(const NodeId& node, std::uint64_t connection, const LinkFrame& frame);
  void welcomed(const NodeId& node, std::uint64_t connection, const Welcome& welcome);
  void lease(const NodeId& node, Linked& link, const Lease& lease);
  void report(const NodeId& node, Linked& link, const NodeReport& report);
  void from_session(const NodeId& node, std::uint64_t connection, const SessionFrame& frame);
  void gone(const NodeId& node, std::uint64_t connection);
  void end_session(const SessionId& id, const SessionTable::Entry& entry, const SessionEnd& last);
  void note(const SessionId& id, const SessionOpen& open);
  void record(const SessionId& id, const std::string& how);
  void close_sessions(const NodeId& node);
  void release(std::uint64_t sink);
  void open_session(const SessionFrame& frame, const SessionOpen& open, const session_sink_actor& sink);

  link_hub_actor::pointer self_;
  source_actor source_;
  workload_state_actor workload_state_;
  node_membership_actor node_membership_;
  edge_bridge_actor bridge_;
  events_actor events_;
  const Clock* clock_ = nullptr;
  OpenSecret open_;
  SnapshotPtr snapshot_;
  bool following_ = false;
  std::map<NodeId, Linked> links_;
  CommonParts parts_;
  SessionTable sessions_;
  std::map<SessionId, SessionNote> notes_;
  std::map<std::string, Millis> forwards_;  ///< told of lately
  std::map<std::uint64_t, session_sink_actor> sinks_;
  std::uint64_t last_sink_ = 0;
};

void HubState::start(source_actor source, workload_state_actor workload_state,
                     node_membership_actor node_membership, edge_bridge_actor bridge, const Clock* clock,
                     OpenSecret open, events_actor events) {
  open_ = std::move(open);
  events_ = std::move(events);
  source_ = std::move(source);
  workload_state_ = std::move(workload_state);
  node_membership_ = std::move(node_membership);
  bridge_ = std::move(bridge);
  clock_ = clock;
  // The bridge may live in another actor system: only anon_send crosses.
  caf::anon_send(bridge_, attach_atom_v, link_hub_actor{self_});
  sweep();
}

void HubState::sweep() {
  follow();
  self_->delayed_send(self_, snapshot_ ? 5s : 1s, sweep_atom_v);
}

void HubState::follow() {
  if (snapshot_ || following_) return;
  following_ = true;
  self_->request(source_, 5s, follow_atom_v, follower_actor{link_hub_actor{self_}})
      .then([this](const CommitsPublished& loaded) { commits(loaded); },
            [this](const caf::error& error) {
              following_ = false;
              spdlog::warn("node link: cannot follow the store yet: {}", from_caf(error).message);
            });
}

void HubState::commits(const CommitsPublished& published) {
  const bool gap = !snapshot_ || published.predecessor != snapshot_->revision();
  const auto touched =
      gap ? std::set<NodeId>{} : touched_nodes(*snapshot_, *published.after, *published.commits);
  if (snapshot_ && published.after->revision() < snapshot_->revision()) return;
  snapshot_ = published.after;
  if (gap)
    parts_.restart();
  else
    parts_.apply(*published.commits);
  auto refresh = [this](const NodeId& node, Linked& link) {
    if (auto changes = link.sets.changed(held_set(*snapshot_, node, parts_, open_), clock_->steady()))
      send_set(node, link.connection, *changes);
  };
  if (gap)
    for (auto& [node, link] : links_) refresh(node, link);
  for (const auto& node : touched)
    if (const auto link = links_.find(node); link != links_.end()) refresh(node, link->second);
}

void HubState::to_node(const NodeId& node, std::uint64_t connection, std::optional<LinkFrame> frame) {
  caf::anon_send(bridge_, std::make_shared<const EdgeFrame>(EdgeFrame{node, connection, std::move(frame)}));
}

void HubState::send_set(const NodeId& node, std::uint64_t connection, const AssignmentSet& set) {
  for (auto& part : set_parts(set.revision, codec::encode(set))) to_node(node, connection, std::move(part));
}

void HubState::from_edge(const EdgeFramePtr& in) {
  if (!in->frame) return gone(in->node, in->connection);
  if (std::holds_alternative<Hello>(*in->frame)) return hello(in->node, in->connection, *in->frame);
  const auto link = links_.find(in->node);
  // Only the newest welcomed connection speaks for a node.
  if (link == links_.end() || link->second.connection != in->connection) return;
  if (const auto* lease_frame = std::get_if<Lease>(&*in->frame))
    return lease(in->node, link->second, *lease_frame);
  if (const auto* node_report = std::get_if<NodeReport>(&*in->frame))
    return report(in->node, link->second, *node_report);
  if (const auto* session = std::get_if<SessionFrame>(&*in->frame))
    return from_session(in->node, in->connection, *session);
}

void HubState::hello(const NodeId& node, std::uint64_t connection, const LinkFrame& frame) {
  if (!snapshot_) return;  // the agent repeats it
  self_->request(node_membership_, 5s, Carried<LinkFrame>{frame})
      .then(
          [this, node, connection](const Carried<LinkFrame>& answer) {
            if (const auto* welcome = std::get_if<Welcome>(&*answer))
              return welcomed(node, connection, *welcome);
            to_node(node, connection, *answer);
          },
          [node](const caf::error& error) {
            spdlog::warn("node {}: not registered yet: {}", node.value, from_caf(error).message);
          });
}

void HubState::welcomed(const NodeId& node, std::uint64_t connection, const Welcome& welcome) {
  auto& link = links_[node];
  if (link.connection > connection) return to_node(node, connection, std::nullopt);
  if (link.connection != connection) {
    if (link.connection != 0) to_node(node, link.connection, std::nullopt);
    close_sessions(node);
    link = Linked{};
    spdlog::info("node {}: linked, incarnation {}", node.value, welcome.incarnation);
  }
  link.connection = connection;
  link.incarnation = welcome.incarnation;
  to_node(node, connection, welcome);
  send_set(node, connection, link.sets.welcomed(held_set(*snapshot_, node, parts_, open_), clock_->steady()));
}

void HubState::lease(const NodeId& node, Linked& link, const Lease& lease) {
  if (lease.incarnation != link.incarnation) return;
  self_->send(node_membership_, lease_atom_v, node.value, lease.incarnation, lease.rtt_ms);
  to_node(node, link.connection, LeaseAck{lease.sequence});
  if (const auto missing = link.sets.leased(lease.set_revision, clock_->steady()))
    send_set(node, link.connection, *missing);
}

void HubState::report(const NodeId& node, Linked& link, const NodeReport& report) {
  if (report.node != node || report.incarnation != link.incarnation) return;
  if (link.reports_in_flight >= kMaxReportsInFlight) return;
  ++link.reports_in_flight;
  auto answered = [this, node, connection = link.connection] {
    const auto it = links_.find(node);
    if (it != links_.end() && it->second.connection == connection) --it->second.reports_in_flight;
  };
  self_->request(workload_state_, 5s, Carried<NodeReport>{report})
      .then(
          [this, answered, node, connection = link.connection](const Carried<ReportAck>& ack) {
            answered();
            to_node(node, connection, *ack);
          },
          [answered](const caf::error&) { answered(); });
}

void HubState::from_session(const NodeId& node, std::uint64_t connection, const SessionFrame& frame) {
  const auto* entry = sessions_.find(frame.session);
  if (entry == nullptr || entry->node != node) {
    // The client left, or the coordinator was another process then.
    if (std::holds_alternative<SessionData>(frame.body))
      to_node(node, connection, SessionFrame{frame.session, SessionCancel{}});
    return;
  }
  const auto sink = sinks_.find(entry->sink);
  if (std::holds_alternative<SessionUnknown>(frame.body)) {
    to_node(node, connection, SessionFrame{frame.session, SessionCancel{}});
    return end_session(frame.session, *entry,
                       {{Errc::invalid_argument,
                         "node " + node.value + " sent something that this coordinator does not know",
                         {}}});
  }
  if (const auto* last = std::get_if<SessionEnd>(&frame.body))
    return end_session(frame.session, *entry, *last);
  self_->send(sink->second, Carried<SessionFrame>{frame});
}

void HubState::end_session(const SessionId& id, const SessionTable::Entry& entry, const SessionEnd& last) {
  self_->send(sinks_.at(entry.sink), Carried<SessionFrame>{SessionFrame{id, last}});
  if (const auto note = notes_.find(id); note != notes_.end()) record(id, words_of(note->second, last));
  release(entry.sink);
  sessions_.close(id);
}

void HubState::note(const SessionId& id, const SessionOpen& open) {
  auto made = snapshot_ ? note_of(open, *snapshot_, clock_->steady()) : std::nullopt;
  if (!made) return;
  if (std::holds_alternative<ForwardQuery>(open.query)) {
    // A browser makes many connections; that they are made is said once in a while.
    std::erase_if(forwards_,
                  [&](const auto& told) { return made->began - told.second > kForwardsSaidEvery; });
    if (!forwards_.emplace(made->event.replica.value + " " + made->event.message, made->began).second) return;
  }
  notes_.emplace(id, std::move(*made));
}

void HubState::record(const SessionId& id, const std::string& how) {
  auto note = notes_.extract(id);
  if (!note || !events_) return;
  auto event = event_of(std::move(note.mapped()), how, clock_->steady(), clock_->wall());
  caf::anon_send(events_, Carried<EventList>{EventList{{std::move(event)}}});
}

void HubState::gone(const NodeId& node, std::uint64_t connection) {
  const auto link = links_.find(node);
  if (link == links_.end() || link->second.connection != connection) return;
  spdlog::info("node {}: link gone", node.value);
  links_.erase(link);
  close_sessions(node);
}

void HubState::close_sessions(const NodeId& node) {
  for (const auto& [id, entry] : sessions_.close_node(node)) {
    const auto sink = sinks_.find(entry.sink);
    self_->send(sink->second,
                Carried<SessionFrame>{SessionFrame{
                    id, SessionEnd{{Errc::unavailable, "the link to node " + node.value + " is gone", {}}}}});
    record(id, "broken off, the link to the node is gone,");
    release(entry.sink);
  }
}

void HubState::release(std::uint64_t sink) {
  const auto handle = sinks_.at(sink);
  sinks_.erase(sink);
  const bool shared =
      std::any_of(sinks_.begin(), sinks_.end(), [&](const auto& other) { return other.second == handle; });
  if (!shared) self_->demonitor(handle.address());
}

void HubState::from_gateway(const SessionFrame& frame, const session_sink_actor& sink) {
  if (const auto* open = std::get_if<SessionOpen>(&frame.body)) return open_session(frame, *open, sink);
  const auto* entry = sessions_.find(frame.session);
  if (entry == nullptr || sinks_.at(entry->sink) != sink) return;
  const auto node = entry->node;
  if (const auto link = links_.find(node); link != links_.end())
    to_node(node, link->second.connection, frame);
  if (!std::holds_alternative<SessionCancel>(frame.body)) return;
  record(frame.session, kClientLeft);
  release(entry->sink);
  sessions_.close(frame.session);
}

void HubState::open_session(const SessionFrame& frame, const SessionOpen& open,
                            const session_sink_actor& sink) {
  if (!sink) return;
  auto refuse = [&](Errc code, const std::string& message) {
    self_->send(sink, Carried<SessionFrame>{SessionFrame{frame.session, SessionEnd{{code, message, {}}}}});
  };
  const auto link = links_.find(open.node);
  if (link == links_.end())
    return refuse(Errc::unavailable,
                  "node " + open.node.value + " is not connected; see `cloudlessctl node list`");
  switch (sessions_.open(frame.session, open.node, last_sink_ + 1)) {
    case SessionTable::Opening::repeated:
      return;
    case SessionTable::Opening::too_many:
      return refuse(Errc::resource_exhausted, "node " + open.node.value + " has " +
                                                  std::to_string(kMaxSessionsPerNode) +
                                                  " log and exec sessions; close some");
    case SessionTable::Opening::opened:
      break;
  }
  note(frame.session, open);
  sinks_.emplace(++last_sink_, sink);
  self_->monitor(sink);
  to_node(open.node, link->second.connection, frame);
}

void HubState::sink_down(const caf::actor_addr& address) {
  for (auto it = sinks_.begin(); it != sinks_.end();) {
    if (it->second.address() != address) {
      ++it;
      continue;
    }
    for (const auto& [id, entry] : sessions_.close_sink(it->first)) {
      record(id, kClientLeft);
      if (const auto link = links_.find(entry.node); link != links_.end())
        to_node(entry.node, link->second.connection, SessionFrame{id, SessionCancel{}});
    }
    it = sinks_.erase(it);
  }
}

link_hub_actor::behavior_type link_hub(link_hub_actor::stateful_pointer<HubState> self, source_actor source,
                                       workload_state_actor workload_state,
                                       node_membership_actor node_membership, edge_bridge_actor bridge,
                                       const Clock* clock, const std::shared_ptr<const OpenSecret>& open,
                                       events_actor events) {
  self->set_down_handler([self](const caf::down_msg& down) { self->state.sink_down(down.source); });
  self->state.start(std::move(source), std::move(workload_state), std::move(node_membership),
                    std::move(bridge), clock, *open, std::move(events));
  return {
      [self](const CommitsPublished& published) { self->state.commits(published); },
      [self](const EdgeFramePtr& in) { self->state.from_edge(in); },
      [self](const Carried<SessionFrame>& frame, const session_sink_actor& sink) {
        self->state.from_gateway(*frame, sink);
      },
      [self](sweep_atom) { self->state.sweep(); },
  };
}

}  // namespace

link_hub_actor spawn_link_hub(caf::actor_system& system, source_actor source,
                              workload_state_actor workload_state, node_membership_actor node_membership,
                              edge_bridge_actor bridge, const Clock& clock, OpenSecret open,
                              events_actor events) {
  return system.spawn(link_hub, std::move(source), std::move(workload_state), std::move(node_membership),
                      std::move(bridge), &clock, std::make_shared<const OpenSecret>(std::move(open)),
                      std::move(events));
}

}  // namespace cloudless::node_link
