// Keeps session data on a link below a bound: what does not fit waits here in order until the other end took
// what was sent. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace cloudless::node_link {

/// Session payload that may be on a link unacknowledged, in bytes, in each direction, so that it never delays
/// leases (rule 12).
inline constexpr std::size_t kSessionWindow = 256 << 10;

class SessionWindow {
 public:
  /// `limit`: bytes that may be unacknowledged; `backlog`: bytes that may wait.
  SessionWindow(std::size_t limit, std::size_t backlog) : limit_(limit), backlog_(backlog) {}

  /// False if too much is waiting already: the frame is not taken, the session must end.
  bool push(std::string frame);
  /// The next frame that may be sent; it counts as sent.
  std::optional<std::string> pop();
  /// The other end took this many bytes.
  void acknowledged(std::size_t bytes);
  void clear();

 private:
  std::size_t limit_;
  std::size_t backlog_;
  std::size_t in_flight_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::deque<std::string> waiting_;
};

}  // namespace cloudless::node_link
