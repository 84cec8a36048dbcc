#include "messages/codec/frames.hpp"

#include <algorithm>

#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

/// Leaves room for the frame's own fields below 64 KiB.
constexpr std::size_t kPiece = (64 << 10) - 64;
constexpr std::size_t kMaxMessage = 64 << 20;

}  // namespace

std::vector<std::string> cut(const WireMessage& message, std::uint64_t& next_sequence) {
  const std::string bytes = encode(message);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    const std::size_t size = std::min(kPiece, bytes.size() - at);
    out.push_back(encode(WireFrame{next_sequence++, at + size == bytes.size(), bytes.substr(at, size)}));
  }
  return out;
}

Result<bool> FrameJoiner::take(std::string_view bytes, WireMessage& out) {
  WireFrame frame;
  if (!decode(bytes, frame)) return fail(Errc::data_loss, "a frame from the store cannot be read");
  if (frame.sequence != next_sequence_)
    return fail(Errc::data_loss, "frame " + std::to_string(next_sequence_) + " from the store is missing: " +
                                     std::to_string(frame.sequence) + " came instead");
  ++next_sequence_;
  if (pieces_.size() + frame.piece.size() > kMaxMessage)
    return fail(Errc::data_loss, "a message from the store is larger than 64 MiB");
  pieces_ += frame.piece;
  if (!frame.last) return false;
  const bool good = decode(pieces_, out);
  pieces_.clear();
  if (!good) return fail(Errc::data_loss, "a message from the store cannot be read");
  return true;
}

}  // namespace cloudless::codec
