// A session between a client of the agent's own API and the supervisor: like a gateway's, without
// the link.
#pragma once

#include <memory>

#include "messages/agent.hpp"

namespace cloudless::agent {

/// A client call with one session. Called in CAF's threads, one call at a time.
class SessionClient {
 public:
  virtual ~SessionClient() = default;
  virtual void on_data(const SessionData& data) = 0;
  /// The supervisor took this many bytes of input more.
  virtual void on_taken(std::uint64_t bytes) {}
  /// Nothing more comes.
  virtual void on_end(const SessionEnd& end) = 0;
};

class LocalSession {
 public:
  /// Opens a session; its frames go to the client until close, or until the client is gone.
  static std::shared_ptr<LocalSession> open(caf::actor_system& system,
                                            const runtime_supervisor_actor& supervisor, SessionOpen open,
                                            const std::weak_ptr<SessionClient>& client);
  /// Also cancels it.
  ~LocalSession();
  void grant(std::uint64_t bytes);
  void send(SessionInput input);
  void send(SessionResize resize);
  void send(SessionSignal signal);

 private:
  template <class Body>
  void pass(Body body);
  LocalSession(runtime_supervisor_actor supervisor, session_sink_actor sink, SessionId id);

  runtime_supervisor_actor supervisor_;
  session_sink_actor sink_;
  SessionId id_;
};

}  // namespace cloudless::agent
