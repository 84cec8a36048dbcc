#include "actors/node_link/reconnect.hpp"

#include <algorithm>

namespace cloudless::node_link {

Millis reconnect_delay(std::uint32_t failures, std::uint64_t random) {
  const auto doublings = std::min<std::uint32_t>(failures, 16);
  const auto backoff = std::min(kShortestReconnect << doublings, kLongestReconnect);
  return backoff + static_cast<Millis>(random % static_cast<std::uint64_t>(backoff / 2 + 1));
}

}  // namespace cloudless::node_link
