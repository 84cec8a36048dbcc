// Whoever sends requests to replicas (balancers, proxies) follows which of them serve, and says how far it
// has followed. A replica that serves is stopped only after every follower has seen that it no longer does
// (ARCHITECTURE.md, rule 9).
#pragma once

#include <string>

#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless {

/// From a gateway, for one of its clients: with each acknowledgement, and every second while the client is
/// there. Kept in memory only; forgotten when it is not repeated within `lease`.
struct EndpointFollowing {
  std::string follower;  ///< unique for ever: one per connection; 1-128 characters
  std::string ns;        ///< it follows this workload
  std::string workload;
  Revision seen = 0;    ///< everything up to here has reached it
  Millis lease = 5000;  ///< 0: it has left
  bool operator==(const EndpointFollowing&) const = default;
};

}  // namespace cloudless
