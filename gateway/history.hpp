// Which workloads were touched at which revision, for WatchWorkloads: a bounded memory of commits that lets a
// watcher go on from a position and get every change after it. Pure: the mirror (mirror.hpp) feeds it, under
// its own lock.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "messages/domain/snapshot.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::gateway {

/// A workload's record, its replicas or the nodes under them changed at this revision. A million of these are
/// kept: no record is held that can be had from the present snapshot.
struct Touch {
  enum class Kind : std::uint8_t {
    changed,
    created,     ///< its record was not there before
    relabelled,  ///< `was` has the labels from before
    erased,      ///< its record is gone; `was` is the last one
  };
  Revision revision = 0;
  WorkloadUid uid;
  Kind kind = Kind::changed;
  std::shared_ptr<const Workload> was;
};

/// The touches of commits that follow each other, in order, at most one per workload and commit. `before` is
/// the snapshot that the first commit was applied to.
std::vector<Touch> touches_of(const Snapshot& before, const std::vector<Commit>& commits);

class History {
 public:
  struct Limits {
    Millis keep_for = 3'600'000;           ///< an older touch may be forgotten
    std::size_t keep_touches = 1'000'000;  ///< the oldest are forgotten beyond this many
  };
  explicit History(Limits limits) : limits_(limits) {}

  /// Forgets everything: positions before `at` are no longer known.
  void restart(Revision at);
  /// Touches of revisions up to `upto`, which becomes the present.
  void append(std::vector<Touch> touches, Revision upto, Millis now);
  void forget_old(Millis now);

  /// The oldest position a watcher may go on from.
  Revision oldest() const { return oldest_; }
  Revision newest() const { return newest_; }

  /// What happened to one workload after a position.
  struct Change {
    /// The last revision that touched it (within what was looked at).
    Revision revision = 0;
    WorkloadUid uid;
    bool created = false;                    ///< it was not there at the position
    bool erased = false;                     ///< it is gone; `last` is what it was
    std::shared_ptr<const Workload> before;  ///< with the labels at the position, if they changed since
    std::shared_ptr<const Workload> last;
  };
  struct Page {
    std::vector<Change> changes;  ///< ordered by revision
    Revision upto = 0;            ///< everything up to here was looked at
  };
  /// Looks at no more than about `limit` touches, always at whole revisions. Absent if the position is older
  /// than oldest().
  std::optional<Page> after(Revision position, std::size_t limit) const;

 private:
  struct Batch {
    Revision upto = 0;
    Millis at = 0;
    std::size_t touches = 0;
  };
  void forget_front();

  Limits limits_;
  Revision oldest_ = 0;
  Revision newest_ = 0;
  std::deque<Touch> touches_;
  std::deque<Batch> batches_;
};

}  // namespace cloudless::gateway
