// What the store tells a follower in another process: commits in order, or a snapshot in parts, cut into
// numbered frames of at most 64 KiB (messages/store.hpp, wire_follower_actor). A follower that misses a frame
// or a revision follows anew.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "messages/domain/record.hpp"

namespace cloudless {

/// The next commits. If predecessor is not the follower's own revision, something was missed.
struct WireCommits {
  Revision predecessor = 0;     ///< revision before the first of commits
  std::vector<Commit> commits;  ///< without gaps
};

/// A part of a snapshot. Index 0 is the reset: the follower forgets what it has; it stands at `revision`
/// after the last part.
struct WireSnapshotPart {
  Revision revision = 0;
  std::uint32_t index = 0;  ///< from 0, without gaps
  bool last = false;
  std::vector<Record> records;
};

using WireMessage = std::variant<WireCommits, WireSnapshotPart>;

/// A piece of an encoded WireMessage (messages/codec/frames.hpp cuts and joins).
struct WireFrame {
  std::uint64_t sequence = 0;  ///< from 0 without gaps, since the follower began to follow
  bool last = true;            ///< the message is complete with this piece
  std::string piece;
  bool operator==(const WireFrame&) const = default;
};

}  // namespace cloudless
