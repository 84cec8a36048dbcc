// The supervisor's sessions: opens as many of each kind as may be open at a time, passes frames on, and tells
// those that follow a replica of its next container.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "actors/runtime/session_actor.hpp"
#include "actors/runtime/session_limits.hpp"

namespace cloudless::runtime {

/// What the supervisor knows of a session's target.
struct SessionTarget {
  ReplicaId replica;  ///< empty: nothing of it runs here (any more)
  ContainerId container;
  std::uint32_t attempt = 0;  ///< 0: none has begun
  bool over = true;           ///< nothing of it will run here (any more)
};

class SessionDesk {
 public:
  SessionDesk(caf::actor_system& system, RuntimePort& runtime, LogStore& logs, SessionLimits limits)
      : system_(system), runtime_(runtime), logs_(logs), limits_(limits) {}

  /// The session's actor, which the caller monitors. RESOURCE_EXHAUSTED if too many of its kind are open,
  /// ALREADY_EXISTS if the session is.
  Result<session_actor> open(const SessionId& id, const SessionOpen& open, const SessionTarget& target,
                             session_sink_actor sink, bool over_link);
  /// Credit or cancel; of a session that is gone it is dropped.
  void pass_on(const SessionFrame& frame);
  /// A replica runs in another container now, or is over.
  void replica_moved(const SessionTarget& target);
  void ended(const caf::actor_addr& session);
  /// The link is gone, and its sessions with it.
  void cancel_all(bool over_link_only);

 private:
  struct Entry {
    session_actor actor;
    bool over_link = false;
    std::size_t kind = 0;  ///< index of the query
    bool counted = false;  ///< ExecQuery::counted
    ReplicaId follows;     ///< empty: it follows no replica
    ContainerId container;
    bool one_container = false;
  };

  Result<void> admit(const SessionQuery& query) const;

  caf::actor_system& system_;
  RuntimePort& runtime_;
  LogStore& logs_;
  const SessionLimits limits_;
  std::map<SessionId, Entry> sessions_;
};

}  // namespace cloudless::runtime
