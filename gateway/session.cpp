#include "gateway/session.hpp"

#include <chrono>
#include <random>
#include <utility>

#include "messages/caf_error.hpp"

namespace cloudless::gateway {
namespace {

using namespace std::chrono_literals;

constexpr auto kOpenTimeout = 5s;

session_sink_actor::behavior_type session(session_sink_actor::pointer self, const link_hub_actor& links,
                                          const std::shared_ptr<SessionClient>& client) {
  return {[self, links, client](const Carried<SessionFrame>& frame) {
    if (auto* data = std::get_if<SessionData>(&frame->body)) {
      client->on_data(frame->session, *data);
    } else if (auto* end = std::get_if<SessionEnd>(&frame->body)) {
      client->on_end(frame->session, *end);
    } else {
      self->request(links, kOpenTimeout, frame, session_sink_actor{self})
          .then([] {},
                [client, frame](const caf::error& error) {
                  if (std::holds_alternative<SessionOpen>(frame->body))
                    client->on_end(frame->session, SessionEnd{from_caf(error), 0, false, false});
                });
    }
  }};
}

}  // namespace

session_sink_actor spawn_session(caf::actor_system& system, link_hub_actor links,
                                 std::shared_ptr<SessionClient> client) {
  return system.spawn(session, std::move(links), std::move(client));
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
