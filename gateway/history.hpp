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

/// A workload's record, its replicas or the nodes under them changed at this revision.
struct Touch {
  Revision revision = 0;
  WorkloadUid uid;
  /// Its record was put or erased: what it was before (null: it was made here) and after (null: it is gone).
  bool record_changed = false;
  std::shared_ptr<const Workload> before;
  std::shared_ptr<const Workload> after;
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

  /// Everything that was touched after a position, one entry per workload.
  struct Change {
    /// The last revision that touched it (within what was looked at).
    Revision revision = 0;
    WorkloadUid uid;
    /// With record_changed: the record at the position, and the last one before it was erased. See Touch.
    bool record_changed = false;
    bool erased = false;  ///< it was gone after the last touch
    std::shared_ptr<const Workload> before;
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
