// The last commits, kept for those who were away: followers in other processes, and watches that resume. A
// pure core of store_actor and mirror_actor. Commits are kept in one piece, without a gap, up to the present.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::store {

/// Whichever bound is reached first; the newest batch is always kept.
struct HistoryBounds {
  Millis age = 3'600'000;
  std::size_t commits = 1'000'000;
  std::size_t bytes = 256u << 20;  ///< of encoded records
};

class History {
 public:
  /// Starts at a revision: what was before it is not kept.
  History(HistoryBounds bounds, Revision start) : bounds_(bounds), last_(start) {}

  /// The next batch; `bytes` is its encoded size. Batches follow each other without a gap.
  void add(std::shared_ptr<const std::vector<Commit>> batch, std::size_t bytes, Millis now);

  /// Drops everything and goes on from another revision: after a reload.
  void restart(Revision start);

  /// The lowest revision that commits can be had after.
  Revision oldest() const { return last_ - commits_; }
  Revision last() const { return last_; }

  /// The commits after a revision, at most `limit` of them. OUT_OF_RANGE, naming the oldest position, if they
  /// are no longer kept or the revision has not been reached.
  Result<std::vector<Commit>> after(Revision revision, std::size_t limit) const;

 private:
  struct Batch {
    std::shared_ptr<const std::vector<Commit>> commits;
    std::size_t bytes;
    Millis at;
  };
  HistoryBounds bounds_;
  Revision last_;
  std::size_t commits_ = 0;
  std::size_t bytes_ = 0;
  std::deque<Batch> batches_;
};

}  // namespace cloudless::store
