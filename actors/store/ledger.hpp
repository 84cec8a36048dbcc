// The order of commits: which are in flight, what will be true after them, and who may still commit. A pure
// core; store_actor asks it, runs the engine, and tells it the outcome. At most one batch is with the engine;
// later commits wait for the next.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::store {

/// One commit as an owner asks for it; see CommitRequest in messages/store.hpp.
struct Submission {
  const std::string& owner;
  std::uint64_t epoch = 0;
  const std::vector<Change>& changes;
  const std::vector<Precondition>& preconditions;
};

/// Commits that became durable together.
struct DurableBatch {
  Revision predecessor = 0;
  std::shared_ptr<const std::vector<Commit>> commits;  ///< never null, never empty
  SnapshotPtr after;
};

class Ledger {
 public:
  explicit Ledger(Snapshot loaded);

  /// The last published state.
  const SnapshotPtr& published() const { return published_; }

  /// Judges a commit on the head (what will be true when everything in flight is durable) and queues it.
  /// ABORTED: a precondition does not hold; INVALID_ARGUMENT: not 1 to kMaxCommitChanges changes;
  /// UNAVAILABLE: an earlier commit of this owner and epoch was refused. Any refusal closes the epoch.
  Result<Revision> submit(const Submission& submission);

  /// Takes up to `limit` waiting commits to the engine; nullptr if a batch is with it already, or nothing
  /// waits.
  std::shared_ptr<const std::vector<Commit>> start_batch(std::size_t limit);

  /// The started batch is durable: it becomes the published state.
  DurableBatch finish_batch();

  /// Nothing in flight will become durable: the head falls back to the published state, and the epochs of all
  /// owners that had something in flight are closed.
  void drop_in_flight();

 private:
  struct Waiting {
    std::string owner;
    std::uint64_t epoch;
    Commit commit;
    Snapshot after;
  };
  void close_epoch(const std::string& owner, std::uint64_t epoch);

  SnapshotPtr published_;
  Snapshot head_;
  std::deque<Waiting> waiting_;
  std::vector<std::pair<std::string, std::uint64_t>> running_owners_;
  std::shared_ptr<const std::vector<Commit>> running_;
  SnapshotPtr after_running_;
  std::map<std::string, std::uint64_t> closed_epochs_;  // the highest closed one of each owner
};

}  // namespace cloudless::store
