// How long an agent waits before it dials again: doubling, with jitter so that a fleet does not come back in
// step. Pure.
#pragma once

#include <cstdint>

#include "messages/domain/time.hpp"

namespace cloudless::node_link {

/// CAF may hand out the dead connection's proxies for some milliseconds (notes on its middleman): never less
/// than this.
inline constexpr Millis kShortestReconnect = 50;
inline constexpr Millis kLongestReconnect = 2000;

/// `failures`: attempts in a row that failed, 0 after a link that worked. `random`: any number, decides the
/// jitter. Between the back-off and 1.5 times it; at most 1.5 * kLongestReconnect.
Millis reconnect_delay(std::uint32_t failures, std::uint64_t random);

}  // namespace cloudless::node_link
