#include "services/agent/local_session.hpp"

#include <atomic>
#include <string>
#include <utility>

namespace cloudless::agent {
namespace {

session_sink_actor::behavior_type sink_behavior(session_sink_actor::pointer self,
                                                const runtime_supervisor_actor& supervisor,
                                                const std::weak_ptr<SessionClient>& client) {
  // Without a supervisor nobody would end the session.
  self->monitor(supervisor);
  self->set_down_handler([self, client](caf::down_msg&) {
    if (auto there = client.lock()) there->on_end({{Errc::unavailable, "the agent is going away", {}}});
    self->quit();
  });
  return {[client](const Carried<SessionFrame>& frame) {
    auto there = client.lock();
    if (!there) return;
    if (const auto* data = std::get_if<SessionData>(&frame->body)) there->on_data(*data);
    if (const auto* taken = std::get_if<SessionTaken>(&frame->body)) there->on_taken(taken->bytes);
    if (const auto* end = std::get_if<SessionEnd>(&frame->body)) there->on_end(*end);
  }};
}

SessionId next_session() {
  static std::atomic<std::uint64_t> last{0};
  return SessionId{"local-" + std::to_string(++last)};
}

}  // namespace

LocalSession::LocalSession(runtime_supervisor_actor supervisor, session_sink_actor sink, SessionId id)
    : supervisor_(std::move(supervisor)), sink_(std::move(sink)), id_(std::move(id)) {}

std::shared_ptr<LocalSession> LocalSession::open(caf::actor_system& system,
                                                 const runtime_supervisor_actor& supervisor, SessionOpen open,
                                                 const std::weak_ptr<SessionClient>& client) {
  auto sink = system.spawn(sink_behavior, supervisor, client);
  std::shared_ptr<LocalSession> session(new LocalSession(supervisor, sink, next_session()));
  caf::anon_send(supervisor, Carried<SessionFrame>{SessionFrame{session->id_, std::move(open)}}, sink);
  return session;
}

LocalSession::~LocalSession() {
  // The supervisor's end watches the sink and ends with it.
  caf::anon_send_exit(sink_, caf::exit_reason::user_shutdown);
}

template <class Body>
void LocalSession::pass(Body body) {
  caf::anon_send(supervisor_, Carried<SessionFrame>{SessionFrame{id_, std::move(body)}}, sink_);
}

void LocalSession::grant(std::uint64_t bytes) {
  pass(SessionCredit{bytes});
}

void LocalSession::send(SessionInput input) {
  pass(std::move(input));
}

void LocalSession::send(SessionResize resize) {
  pass(resize);
}

void LocalSession::send(SessionSignal signal) {
  pass(signal);
}

}  // namespace cloudless::agent
