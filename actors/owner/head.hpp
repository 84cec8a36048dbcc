// What an owner judges by: the last published snapshot plus its own commits that are still in flight. Says
// when the owner may judge at all: not before the first load, and not between a refused commit and the last
// answer to what was sent on top of it. A pure core; the shell sends the commits and brings the answers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "actors/owner/plan.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::owner {

class Head {
 public:
  /// Called once, with the revision at which the state it waited for is durable, or with why it never will
  /// be. CANCELLED: nothing was changed, because an earlier commit was ABORTED; judge it again when ready().
  using Done = std::function<void(const Result<Revision>&)>;

  /// `kinds`: of the records that this owner alone writes.
  explicit Head(std::vector<RecordKind> kinds) : kinds_(std::move(kinds)) {}

  /// False: answer UNAVAILABLE.
  bool ready() const { return published_ != nullptr && !draining_; }
  /// What is judged by: the published state with everything in flight. Its revision is the published one's.
  const Snapshot& now() const { return now_; }
  /// The last published state; null before load().
  const SnapshotPtr& published() const { return published_; }
  /// Goes into every CommitRequest; moves when a commit was refused.
  std::uint64_t epoch() const { return epoch_; }

  /// The number that the records of the next commit carry as their own revision: above every one used before.
  Revision next_stamp() const;
  /// Takes it.
  void use_stamp() { last_stamp_ = next_stamp(); }

  /// Starts anew from a published state.
  void load(SnapshotPtr published);
  /// A published batch. `predecessor`: the revision before the first of the commits.
  void publish(Revision predecessor, const std::vector<Commit>& commits, SnapshotPtr after);

  /// A unit is about to be sent: `after` is now() from here, and is what was with this unit, or with the
  /// whole plan that it is of. Answers with its number for finish().
  std::uint64_t begin(const Snapshot& after, Done done);
  /// The store's answer.
  void finish(std::uint64_t flight, const Result<Revision>& answer);
  /// Waits for everything that is in flight now, for answers that were judged by it but change nothing.
  void when_durable(Done done);

 private:
  bool owned(const Change& change) const;
  void recover_when_drained();

  std::vector<RecordKind> kinds_;
  Snapshot now_;
  SnapshotPtr published_;
  std::uint64_t epoch_ = 1;
  bool draining_ = false;
  /// The first flight of this epoch that was ABORTED: what came after it fell with it. 0: none.
  std::uint64_t aborted_flight_ = 0;
  Revision last_stamp_ = 0;
  Revision highest_answer_ = 0;
  std::uint64_t last_flight_ = 0;
  std::map<std::uint64_t, std::vector<Done>> in_flight_;
};

}  // namespace cloudless::owner
