// A follower's copy of a store elsewhere, built from what the wire brings. A pure core of mirror_actor:
// frames in, batches for local followers out; anything that does not fit says so, and then the copy must be
// loaded anew.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "messages/codec/frames.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"
#include "messages/domain/wire_frame.hpp"

namespace cloudless::store {

/// As CommitsPublished::predecessor of a reload: no follower's own revision, so that each of them takes
/// `after` as a load.
inline constexpr Revision kReloaded = ~Revision{0};

class MirrorState {
 public:
  struct Step {
    Revision predecessor = 0;                            ///< kReloaded: `after` is a fresh load
    std::shared_ptr<const std::vector<Commit>> commits;  ///< never null
    SnapshotPtr after;
  };

  /// nullptr until something was loaded for the first time.
  const SnapshotPtr& snapshot() const { return snapshot_; }
  /// What to ask the store for: everything after this.
  Revision position() const { return snapshot_ ? snapshot_->revision() : 0; }

  /// The store was asked anew: its frames start again. Half of a load is forgotten, the snapshot stays.
  void restart();

  /// One frame; absent if it completed nothing that local followers should see. DATA_LOSS: a frame or a
  /// commit is missing, or bytes are not ours: load anew, from position 0.
  Result<std::optional<Step>> take(std::string_view frame);

 private:
  Result<std::optional<Step>> take(WireCommits message);
  Result<std::optional<Step>> take(WireSnapshotPart part);

  codec::FrameJoiner joiner_;
  SnapshotPtr snapshot_;
  std::optional<Snapshot> loading_;
  std::uint32_t next_part_ = 0;
};

}  // namespace cloudless::store
