// The changes that an owner decided on, in atomic units of bounded size, and the state after them. Cores
// write into a plan while they judge one item after the other, so that each is judged after the ones before
// it; the shell commits the units in order.
#pragma once

#include <cstddef>
#include <vector>

#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::owner {

/// What goes into one commit.
struct CommitUnit {
  std::vector<Change> changes;
  std::vector<Precondition> preconditions;
};

/// One change of each commit is left for an idempotency row.
inline constexpr std::size_t kMaxUnitChanges = kMaxCommitChanges - 1;

class Plan {
 public:
  explicit Plan(Snapshot head) : now_(std::move(head)) {}

  /// The head after everything that was planned so far.
  const Snapshot& now() const { return now_; }

  void put(Record record);
  void erase(const Key& key);
  /// The unit is refused unless the record's guard is still this.
  void require(Precondition precondition);

  /// Takes back what was planned since the last seal(); `before` is now() as it was then.
  void abandon(Snapshot before);

  /// How many changes the next item may have without a unit of its own; at least 2.
  std::size_t room() const;

  /// Ends an item: what was planned since the last seal() stays together in one unit. At most kMaxUnitChanges
  /// changes.
  void seal();

  bool empty() const { return units_.empty() && item_.changes.empty(); }
  /// In the order in which they are to be committed; seals. None if nothing changes.
  std::vector<CommitUnit> take_units();

 private:
  Snapshot now_;
  CommitUnit item_;
  std::vector<CommitUnit> units_;
};

}  // namespace cloudless::owner
