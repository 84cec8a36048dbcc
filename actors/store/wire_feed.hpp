// What one follower in another process still has to get, and how much of it may be sent now. A pure core of
// store_actor: commits from the history, or the whole snapshot when they are no longer kept; never more bytes
// than the follower granted.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "actors/store/history.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::store {

class WireFeed {
 public:
  /// Nothing may be sent.
  WireFeed() = default;
  /// The follower has everything up to `position` (0: nothing) and may be sent `credit` bytes; to get on at
  /// all it must grant the size of a frame, 64 KiB, in the end.
  WireFeed(Revision position, std::uint64_t credit) : position_(position), credit_(credit) {}

  void grant(std::uint64_t bytes) { credit_ += bytes; }

  /// The encoded frames to send now, in order. Idempotency rows are not sent.
  std::vector<std::string> take(const History& history, const SnapshotPtr& published);

 private:
  struct Load {
    SnapshotPtr snapshot;
    std::vector<Record> records;
    std::size_t sent = 0;
    std::uint32_t part = 0;
  };
  /// Makes frames of the next message; false if the follower has everything.
  bool prepare(const History& history, const SnapshotPtr& published);
  void prepare_part();

  Revision position_ = 0;
  std::uint64_t credit_ = 0;
  std::uint64_t next_sequence_ = 0;
  std::optional<Load> load_;
  std::deque<std::string> frames_;
};

}  // namespace cloudless::store
