// Cuts what the store tells a follower in another process into frames of at most 64 KiB, and joins them
// again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/wire_frame.hpp"

namespace cloudless::codec {

/// The encoded frames of one message. `next_sequence` is the follower's counter and moves on with each frame.
std::vector<std::string> cut(const WireMessage& message, std::uint64_t& next_sequence);

/// A follower's end. Holds at most 64 MiB.
class FrameJoiner {
 public:
  /// One encoded frame: true when it completed `out`, false when more are needed. DATA_LOSS for bytes that
  /// are not ours and for a frame that is not the next one; then the follower must follow anew, with a new
  /// joiner.
  Result<bool> take(std::string_view bytes, WireMessage& out);

 private:
  std::uint64_t next_sequence_ = 0;
  std::string pieces_;
};

}  // namespace cloudless::codec
