#include "actors/node_link/agent_link_actor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <utility>

#include "actors/node_link/assignment_set.hpp"
#include "actors/node_link/reconnect.hpp"
#include "actors/node_link/round_trip.hpp"
#include "actors/node_link/session_window.hpp"
#include "messages/caf_error.hpp"
#include "messages/domain/node_trouble.hpp"
#include "messages/node_membership.hpp"

namespace cloudless::node_link {
namespace {

using namespace std::chrono_literals;

constexpr Millis kHelloInterval = 1000;
/// Hellos without a Welcome before the link is given up.
constexpr std::uint32_t kMaxHellos = 10;
constexpr auto kDialTimeout = 10s;
constexpr std::size_t kSessionBacklog = 64 << 20;

using agent_link_shell = agent_link_actor::extend<
    caf::replies_to<frame_atom, std::string>::with<void>,  // from the coordinator's link_peer
                                                           // From the dialer: the answer to attempt N; no
                                                           // actor: the text says why.
    caf::replies_to<caf::connect_atom, std::uint64_t, caf::strong_actor_ptr, std::string>::with<void>,
    // To itself: attach to the supervisor; dial, greet, keep the lease of link N.
    caf::replies_to<attach_atom>::with<void>, caf::replies_to<caf::connect_atom, std::uint64_t>::with<void>,
    caf::replies_to<hello_atom, std::uint64_t>::with<void>,
    caf::replies_to<lease_atom, std::uint64_t>::with<void>,
    // To itself: say again what changed, until it is answered.
    caf::replies_to<frame_atom, std::uint64_t>::with<void>>;

class AgentLinkState {
 public:
  explicit AgentLinkState(agent_link_shell::pointer self) : self_(self) {}

  void start(runtime_supervisor_actor supervisor, DialPort* dialer, AgentIdentity identity,
             const Clock* clock);
  void attach();
  void dial(std::uint64_t attempt);
  void dialed(std::uint64_t attempt, const caf::strong_actor_ptr& found, const std::string& error);
  void greet(std::uint64_t attempt);
  void keep_lease(std::uint64_t attempt);
  void frame(const std::string& bytes);
  void peer_down(const caf::actor_addr& source);
  void report(const Carried<NodeReport>& report);
  void session(const Carried<SessionFrame>& frame);
  void machine_seen(const MachineSeen& seen);
  void announce(std::uint64_t attempt);

  SetOnDisk on_disk;

 private:
  void door_answered(std::uint64_t attempt, const link_peer_actor& peer);
  void lost(const std::string& reason);
  void welcomed(const Welcome& welcome);
  void part(const SetPart& part);
  void pump();
  void to_peer(const LinkFrame& frame);
  LinkFrame hello() const;
  bool up() const { return incarnation_ != 0; }

  agent_link_shell::pointer self_;
  runtime_supervisor_actor supervisor_;
  DialPort* dialer_ = nullptr;
  AgentIdentity identity_;
  const Clock* clock_ = nullptr;
  std::mt19937_64 random_;

  std::uint64_t attempt_ = 0;  // grows with every dial: answers and timers of older ones are stale
  std::uint32_t failures_ = 0;
  std::string last_failure_;  ///< said once, however often it is tried again
  caf::strong_actor_ptr door_;
  link_peer_actor peer_;
  std::uint32_t hellos_ = 0;
  bool announcing_ = false;        ///< the description changed since the last Welcome
  std::uint64_t incarnation_ = 0;  // 0: not welcomed
  Millis lease_interval_ = 0;
  Millis lease_duration_ = 0;
  std::uint64_t lease_sequence_ = 0;
  Millis heard_at_ = 0;
  RoundTrip round_trip_;
  SetAssembly assembly_;
  SessionWindow window_{kSessionWindow, kSessionBacklog};
};

void AgentLinkState::start(runtime_supervisor_actor supervisor, DialPort* dialer, AgentIdentity identity,
                           const Clock* clock) {
  supervisor_ = std::move(supervisor);
  dialer_ = dialer;
  identity_ = std::move(identity);
  clock_ = clock;
  random_.seed(identity_.seed);
  attach();
}

void AgentLinkState::attach() {
  self_->request(supervisor_, 5s, attach_atom_v, agent_link_actor{agent_link_shell{self_}})
      .then(
          [this](const SetOnDisk& found) {
            on_disk = found;
            dial(attempt_);
          },
          [this](const caf::error& error) {
            spdlog::warn("link: the supervisor has not read its disk yet: {}", from_caf(error).message);
            self_->delayed_send(self_, 500ms, attach_atom_v);
          });
}

void AgentLinkState::dial(std::uint64_t attempt) {
  if (attempt != attempt_) return;
  ++attempt_;
  dialer_->dial([self = agent_link_shell{self_}, attempt = attempt_](Result<door_actor> found) {
    if (found)
      caf::anon_send(self, caf::connect_atom_v, attempt, caf::actor_cast<caf::strong_actor_ptr>(*found),
                     std::string{});
    else
      caf::anon_send(self, caf::connect_atom_v, attempt, caf::strong_actor_ptr{}, found.error().message);
  });
  self_->delayed_send(self_, kDialTimeout, caf::connect_atom_v, attempt_, caf::strong_actor_ptr{},
                      std::string{"the coordinator did not answer in time"});
}

void AgentLinkState::dialed(std::uint64_t attempt, const caf::strong_actor_ptr& found,
                            const std::string& error) {
  if (attempt != attempt_ || door_) return;
  if (!found) return lost(error);
  door_ = found;
  self_->monitor(door_);
  const auto bytes = codec::encode(hello());
  self_
      ->request(caf::actor_cast<door_actor>(door_), 5s, hello_atom_v,
                link_peer_actor{agent_link_shell{self_}}, bytes)
      .then([this, attempt](const link_peer_actor& peer) { door_answered(attempt, peer); },
            [this, attempt](const caf::error& problem) {
              if (attempt == attempt_) lost(from_caf(problem).message);
            });
}

void AgentLinkState::door_answered(std::uint64_t attempt, const link_peer_actor& peer) {
  if (attempt != attempt_ || !peer) return;
  peer_ = peer;
  hellos_ = 1;
  self_->monitor(peer_);
  self_->delayed_send(self_, std::chrono::milliseconds{kHelloInterval}, hello_atom_v, attempt);
}

void AgentLinkState::greet(std::uint64_t attempt) {
  if (attempt != attempt_ || !peer_ || up()) return;
  if (++hellos_ > kMaxHellos) return lost("the coordinator does not answer");
  to_peer(hello());
  self_->delayed_send(self_, std::chrono::milliseconds{kHelloInterval}, hello_atom_v, attempt);
}

void AgentLinkState::welcomed(const Welcome& welcome) {
  if (welcome.boot_id != identity_.boot_id || welcome.incarnation == 0) return;
  announcing_ = false;
  if (incarnation_ == welcome.incarnation) return;
  const bool leasing = up();
  incarnation_ = welcome.incarnation;
  lease_interval_ = std::max<Millis>(welcome.lease_interval, 50);
  lease_duration_ = std::max(welcome.lease_duration, 4 * lease_interval_);
  heard_at_ = clock_->steady();
  failures_ = 0;
  last_failure_.clear();
  spdlog::info("link: welcomed by cluster {} as incarnation {}", welcome.cluster_id, incarnation_);
  self_->send(supervisor_, LinkUp{welcome.cluster_id, incarnation_});
  if (!leasing) keep_lease(attempt_);
}

/// The description goes with every Hello; while there is a link, one more carries it over.
void AgentLinkState::machine_seen(const MachineSeen& seen) {
  auto& taints = identity_.description.taints;
  const auto before = taints;
  const auto taint = [&](const char* key, bool amiss) {
    std::erase_if(taints, [&](const Taint& t) { return t.key == key; });
    if (amiss) taints.push_back({key, {}, TaintEffect::no_schedule});
  };
  taint(kRuntimeAwayTaint, !seen.runtime_answers);
  taint(kDiskNotWritableTaint, !seen.disk_writable);
  if (taints == before) return;
  announcing_ = true;
  announce(attempt_);
}

void AgentLinkState::announce(std::uint64_t attempt) {
  if (attempt != attempt_ || !announcing_ || !peer_) return;
  to_peer(hello());
  self_->delayed_send(self_, std::chrono::milliseconds{kHelloInterval}, frame_atom_v, attempt);
}

void AgentLinkState::keep_lease(std::uint64_t attempt) {
  if (attempt != attempt_ || !up()) return;
  // Half a lease without an answer: try anew while the node still counts.
  if (clock_->steady() - heard_at_ > lease_duration_ / 2)
    return lost("the coordinator does not acknowledge leases");
  round_trip_.sent(++lease_sequence_, clock_->steady());
  to_peer(Lease{incarnation_, lease_sequence_, on_disk.revision, round_trip_.millis()});
  self_->delayed_send(self_, std::chrono::milliseconds{lease_interval_}, lease_atom_v, attempt);
}

void AgentLinkState::lost(const std::string& reason) {
  const bool was_up = up();
  const auto level = reason == last_failure_ ? spdlog::level::debug : spdlog::level::warn;
  spdlog::log(level, "link: {}{}; trying again", was_up ? "lost: " : "none: ", reason);
  last_failure_ = reason;
  if (door_) self_->demonitor(door_->address());
  if (peer_) {
    self_->demonitor(peer_.address());
    self_->send_exit(peer_, caf::exit_reason::user_shutdown);
  }
  door_ = nullptr;
  peer_ = nullptr;
  incarnation_ = 0;
  hellos_ = 0;
  round_trip_.clear();
  assembly_.clear();
  window_.clear();
  ++attempt_;
  const auto delay = reconnect_delay(failures_++, random_());
  self_->delayed_send(self_, std::chrono::milliseconds{delay}, caf::connect_atom_v, attempt_);
  if (was_up) self_->send(supervisor_, LinkDown{reason});
}

void AgentLinkState::peer_down(const caf::actor_addr& source) {
  if ((door_ && door_->address() == source) || (peer_ && peer_.address() == source))
    lost("the connection is gone");
}

void AgentLinkState::frame(const std::string& bytes) {
  // Frames of a link that was given up may still arrive.
  if (!peer_ || self_->current_sender() != caf::actor_cast<caf::strong_actor_ptr>(peer_)) return;
  LinkFrame frame;
  if (!codec::decode(bytes, frame)) {
    spdlog::warn("link: dropped a frame of {} bytes that this version does not know", bytes.size());
    return;
  }
  if (const auto* welcome = std::get_if<Welcome>(&frame)) return welcomed(*welcome);
  if (const auto* refused = std::get_if<Refused>(&frame)) {
    failures_ = std::max<std::uint32_t>(failures_, 16);
    return lost("this agent may not join: " + refused->error.message);
  }
  if (!up()) return;
  if (const auto* ack = std::get_if<LeaseAck>(&frame)) {
    heard_at_ = clock_->steady();
    round_trip_.answered(ack->sequence, heard_at_);
  }
  if (const auto* set_part = std::get_if<SetPart>(&frame)) part(*set_part);
  if (auto* ack = std::get_if<ReportAck>(&frame); ack && ack->incarnation == incarnation_)
    self_->send(supervisor_, Carried<ReportAck>{std::move(*ack)});
  if (auto* session_frame = std::get_if<SessionFrame>(&frame))
    self_->send(supervisor_, Carried<SessionFrame>{std::move(*session_frame)});
}

void AgentLinkState::part(const SetPart& part) {
  const auto encoded = assembly_.add(part);
  if (!encoded) return;
  AssignmentSet set;
  if (!codec::decode(*encoded, set) || set.node != identity_.description.id) {
    spdlog::warn("link: dropped an assignment set of {} bytes that is not for this node", encoded->size());
    return;
  }
  self_->send(supervisor_, Carried<AssignmentSet>{std::move(set)});
}

void AgentLinkState::report(const Carried<NodeReport>& report) {
  if (up() && report->incarnation == incarnation_) to_peer(*report);
}

void AgentLinkState::session(const Carried<SessionFrame>& frame) {
  if (!up()) return;
  if (!window_.push(codec::encode(LinkFrame{*frame})))
    return lost("more log and exec output is waiting than this link can carry");
  pump();
}

void AgentLinkState::pump() {
  while (peer_) {
    auto bytes = window_.pop();
    if (!bytes) return;
    const auto size = bytes->size();
    // The other end's handler answers when it has taken the frame: that is the acknowledgement.
    auto taken = [this, size, attempt = attempt_] {
      if (attempt != attempt_) return;
      window_.acknowledged(size);
      pump();
    };
    self_->request(peer_, 10s, frame_atom_v, std::move(*bytes)).then(taken, [taken](const caf::error&) {
      taken();
    });
  }
}

void AgentLinkState::to_peer(const LinkFrame& frame) {
  self_->send(peer_, frame_atom_v, codec::encode(frame));
}

LinkFrame AgentLinkState::hello() const {
  return Hello{identity_.description, identity_.boot_id, on_disk.cluster_id, on_disk.revision};
}

agent_link_shell::behavior_type agent_link(agent_link_shell::stateful_pointer<AgentLinkState> self,
                                           runtime_supervisor_actor supervisor, DialPort* dialer,
                                           AgentIdentity identity, const Clock* clock) {
  auto& state = self->state;
  self->set_down_handler([&state](const caf::down_msg& down) { state.peer_down(down.source); });
  state.start(std::move(supervisor), dialer, std::move(identity), clock);
  return {
      [&state](const SetOnDisk& found) { state.on_disk = found; },
      [&state](const MachineSeen& seen) { state.machine_seen(seen); },
      [&state](const Carried<NodeReport>& report) { state.report(report); },
      [&state](const Carried<SessionFrame>& frame) { state.session(frame); },
      [&state](frame_atom, const std::string& bytes) { state.frame(bytes); },
      [&state](caf::connect_atom, std::uint64_t attempt, const caf::strong_actor_ptr& door,
               const std::string& error) { state.dialed(attempt, door, error); },
      [&state](attach_atom) { state.attach(); },
      [&state](caf::connect_atom, std::uint64_t attempt) { state.dial(attempt); },
      [&state](hello_atom, std::uint64_t attempt) { state.greet(attempt); },
      [&state](lease_atom, std::uint64_t attempt) { state.keep_lease(attempt); },
      [&state](frame_atom, std::uint64_t attempt) { state.announce(attempt); },
  };
}

}  // namespace

agent_link_actor spawn_agent_link(caf::actor_system& system, runtime_supervisor_actor supervisor,
                                  DialPort& dialer, AgentIdentity identity, const Clock& clock) {
  return system.spawn(agent_link, std::move(supervisor), &dialer, std::move(identity), &clock);
}

}  // namespace cloudless::node_link
