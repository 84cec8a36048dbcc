// A process's way into a coordinator's ring: dials the ring port, greets its door, and answers with the
// handles. Every joining is a connection of its own, so handles of a dead coordinator are never handed out
// again.
#pragma once

#include <functional>
#include <string>

#include "actors/node_link/ring_door_actor.hpp"
#include "actors/node_link/transport/dialer.hpp"

namespace cloudless::node_link {

class RingDialer {
 public:
  using Done = std::function<void(Result<Ring>)>;

  /// `who`: what joins, for the coordinator's log. The key's purpose is kRingPurpose.
  RingDialer(caf::actor_system& system, DialOptions options, std::string who);

  /// Answers exactly once, from another thread. Errors are those of Dialer::dial, and DEADLINE_EXCEEDED if
  /// the door keeps silent.
  void join(Done done);

 private:
  caf::actor_system& system_;
  const std::string who_;
  Dialer dialer_;
};

}  // namespace cloudless::node_link
