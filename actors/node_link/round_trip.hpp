// How long the way to the coordinator and back takes, from leases and their answers. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "messages/domain/time.hpp"

namespace cloudless::node_link {

class RoundTrip {
 public:
  /// A lease goes out.
  void sent(std::uint64_t sequence, Millis now);
  /// Its answer is here. One that is not awaited, because it is repeated or too old, counts for nothing.
  void answered(std::uint64_t sequence, Millis now);
  /// Nothing is known of a new connection.
  void clear();
  /// The shortest of the last kRemembered, milliseconds: what the way takes, without the time that either end
  /// was busy with something else. 0: not known, or below one.
  std::uint32_t millis() const;

  static constexpr std::size_t kRemembered = 16;
  /// Leases that an answer is still awaited of; of older ones nobody wants to know.
  static constexpr std::size_t kAwaited = 32;

 private:
  std::deque<std::pair<std::uint64_t, Millis>> awaited_;  // oldest first
  std::deque<Millis> trips_;                              // oldest first
};

}  // namespace cloudless::node_link
