// The agent link's door to the network: production dials over transport/, the simulator over a simulated
// wire.
#pragma once

#include <functional>

#include "messages/node_link.hpp"

namespace cloudless::node_link {

class DialPort {
 public:
  virtual ~DialPort() = default;
  /// Connects to the coordinator and hands over what it has published there. Returns at once and answers
  /// exactly once, from any thread: UNAVAILABLE (nobody there, or no answer in time), PERMISSION_DENIED (the
  /// secret is not theirs).
  virtual void dial(std::function<void(Result<door_actor>)> done) = 0;
};

}  // namespace cloudless::node_link
