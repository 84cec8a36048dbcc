// The gateway's end of sessions: an actor that passes a client call's frames to the link hub and
// the agent's frames back to the call. One per call; the hub cancels the sessions when it ends, and a hub
// that is gone ends them.
#pragma once

#include <memory>

#include "gateway/call.hpp"
#include "messages/node_link.hpp"

namespace cloudless::gateway {

/// A client call with sessions. Called in CAF's threads, one call at a time.
class SessionClient {
 public:
  virtual ~SessionClient() = default;
  virtual void on_data(const SessionId& session, const SessionData& data) = 0;
  /// The agent took this many bytes of input more.
  virtual void on_taken(const SessionId& session, std::uint64_t bytes) {}
  /// Nothing more comes for this session. Also when it could not be opened.
  virtual void on_end(const SessionId& session, const SessionEnd& end) = 0;
};

/// Send it the frames for the agent, SessionOpen first; end it with end_session.
session_sink_actor spawn_session(caf::actor_system& system, std::shared_ptr<const OwnersInUse> owners,
                                 std::shared_ptr<SessionClient> client);
void end_session(const session_sink_actor& sink);

SessionId random_session_id();

}  // namespace cloudless::gateway
