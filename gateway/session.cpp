#include "gateway/session.hpp"

#include <chrono>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "messages/caf_error.hpp"

namespace cloudless::gateway {
namespace {

using namespace std::chrono_literals;

constexpr auto kOpenTimeout = 5s;

struct State {
  explicit State(session_sink_actor::pointer) {}
  std::shared_ptr<const OwnersInUse> owners;
  std::shared_ptr<SessionClient> client;
  /// Open sessions, each with the hub that carries it.
  std::map<SessionId, link_hub_actor> open;

  void end(const SessionId& session, const SessionEnd& how) {
    if (open.erase(session) > 0) client->on_end(session, how);
  }
};
using Self = session_sink_actor::stateful_pointer<State>;

SessionEnd broken(Error why) {
  return {std::move(why), 0, false, false};
}

/// From the client, for the agent.
void forward(Self self, const Carried<SessionFrame>& frame) {
  auto& s = self->state;
  const bool opens = std::holds_alternative<SessionOpen>(frame->body);
  if (opens) {
    const auto hub = s.owners->now()->links;
    s.open.emplace(frame->session, hub);
    if (!hub)
      return s.end(frame->session,
                   broken({Errc::unavailable, "this gateway has no connection to the coordinator", {}}));
    self->monitor(hub);
  }
  const auto it = s.open.find(frame->session);
  if (it == s.open.end()) return;
  if (!opens) return self->send(it->second, frame, session_sink_actor{self});
  self->request(it->second, kOpenTimeout, frame, session_sink_actor{self})
      .then([] {}, [self, session = frame->session](
                       const caf::error& error) { self->state.end(session, broken(from_caf(error))); });
}

void hub_is_gone(Self self, const caf::actor_addr& hub) {
  std::vector<SessionId> dead;
  for (const auto& [session, carrier] : self->state.open)
    if (carrier.address() == hub) dead.push_back(session);
  for (const auto& session : dead)
    self->state.end(session, broken({Errc::unavailable, "the connection to the coordinator was lost", {}}));
}

session_sink_actor::behavior_type session(Self self, std::shared_ptr<const OwnersInUse> owners,
                                          std::shared_ptr<SessionClient> client) {
  self->state.owners = std::move(owners);
  self->state.client = std::move(client);
  self->set_down_handler([self](const caf::down_msg& down) { hub_is_gone(self, down.source); });
  return {[self](const Carried<SessionFrame>& frame) {
    if (auto* data = std::get_if<SessionData>(&frame->body))
      self->state.client->on_data(frame->session, *data);
    else if (auto* taken = std::get_if<SessionTaken>(&frame->body))
      self->state.client->on_taken(frame->session, taken->bytes);
    else if (auto* end = std::get_if<SessionEnd>(&frame->body))
      self->state.end(frame->session, *end);
    else
      forward(self, frame);
  }};
}

}  // namespace

session_sink_actor spawn_session(caf::actor_system& system, std::shared_ptr<const OwnersInUse> owners,
                                 std::shared_ptr<SessionClient> client) {
  return system.spawn(session, std::move(owners), std::move(client));
}

void end_session(const session_sink_actor& sink) {
  caf::anon_send_exit(sink, caf::exit_reason::user_shutdown);
}

SessionId random_session_id() {
  static thread_local std::random_device device;
  std::string id;
  for (int word = 0; word < 4; ++word)
    for (std::uint32_t bits = device(), digit = 0; digit < 8; ++digit, bits >>= 4)
      id += "0123456789abcdef"[bits & 15];
  return SessionId{id};
}

}  // namespace cloudless::gateway
