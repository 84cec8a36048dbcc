// Store time: milliseconds that only count while somebody keeps time (ARCHITECTURE.md, rule 11). It goes on
// from the highest mark among the stored records, advanced by steady time: neither downtime nor jumps of a
// wall clock count. Owner and deciders each have a StoreClock and feed it what they see committed, so they
// differ by no more than a message takes. Used for deadlines, pauses and "ready since".
#pragma once

#include <algorithm>
#include <optional>

#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless {

/// The newest moment of store time that this record bears; 0: none.
Millis mark_of(const Record& record);
/// That any record of this commit bears.
Millis mark_of(const Commit& commit);
/// The same over everything.
Millis mark_of(const Snapshot& snapshot);

class StoreClock {
 public:
  /// `steady`: monotonic milliseconds of this process. Never goes back; stands still before observe().
  Millis now(Millis steady) const { return anchor_ ? base_ + std::max<Millis>(0, steady - *anchor_) : base_; }
  /// It is at least `mark` at this steady time.
  void observe(Millis mark, Millis steady) {
    base_ = std::max(now(steady), mark);
    anchor_ = anchor_ ? std::max(*anchor_, steady) : steady;
  }

 private:
  Millis base_ = 1;  // 0 means "never" in records
  std::optional<Millis> anchor_;
};

}  // namespace cloudless
