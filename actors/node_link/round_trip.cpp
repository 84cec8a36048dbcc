#include "actors/node_link/round_trip.hpp"

#include <algorithm>
#include <limits>

namespace cloudless::node_link {

void RoundTrip::sent(std::uint64_t sequence, Millis now) {
  awaited_.emplace_back(sequence, now);
  if (awaited_.size() > kAwaited) awaited_.pop_front();
}

void RoundTrip::answered(std::uint64_t sequence, Millis now) {
  const auto lease = std::find_if(awaited_.begin(), awaited_.end(),
                                  [&](const auto& awaited) { return awaited.first == sequence; });
  if (lease == awaited_.end()) return;
  trips_.push_back(std::max<Millis>(0, now - lease->second));
  awaited_.erase(lease);
  if (trips_.size() > kRemembered) trips_.pop_front();
}

void RoundTrip::clear() {
  awaited_.clear();
  trips_.clear();
}

std::uint32_t RoundTrip::millis() const {
  if (trips_.empty()) return 0;
  constexpr Millis kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(kMost, *std::min_element(trips_.begin(), trips_.end())));
}

}  // namespace cloudless::node_link
