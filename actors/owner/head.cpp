#include "actors/owner/head.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cloudless::owner {

Revision Head::next_stamp() const {
  return std::max(now_.revision(), last_stamp_) + 1;
}

void Head::load(SnapshotPtr published) {
  assert(published && in_flight_.empty());
  published_ = std::move(published);
  now_ = *published_;
  // Stamps of commits that failed were never seen; those that were seen are not above the revision of their
  // commit.
  last_stamp_ = 0;
  draining_ = false;
  aborted_flight_ = 0;
}

bool Head::owned(const Change& change) const {
  return std::find(kinds_.begin(), kinds_.end(), change.key.kind) != kinds_.end();
}

void Head::publish(Revision predecessor, const std::vector<Commit>& commits, SnapshotPtr after) {
  if (!published_) return;
  if (predecessor != published_->revision()) {
    // What is in flight may or may not be in `after`: only the answers tell.
    draining_ = true;
    ++epoch_;
  }
  published_ = std::move(after);
  if (!draining_ && in_flight_.empty() && published_->revision() >= highest_answer_) {
    now_ = *published_;  // nothing of ours is on top of it
  } else if (!draining_) {
    for (const auto& commit : commits)
      for (const auto& change : commit.changes)
        if (!owned(change)) now_.apply(change);
    now_.set_revision(published_->revision());
  }
  recover_when_drained();
}

std::uint64_t Head::begin(const Snapshot& after, Done done) {
  assert(ready() && after.revision() == now_.revision());
  now_ = after;
  in_flight_[++last_flight_].push_back(std::move(done));
  return last_flight_;
}

void Head::finish(std::uint64_t flight, const Result<Revision>& answer) {
  auto done = in_flight_.extract(flight);
  if (done.empty()) return;
  if (answer) {
    highest_answer_ = std::max(highest_answer_, *answer);
  } else if (!draining_) {
    draining_ = true;
    ++epoch_;
  }
  if (!answer && answer.error().code == Errc::aborted && (aborted_flight_ == 0 || flight < aborted_flight_))
    aborted_flight_ = flight;
  // What failed before the aborted one, or without one, failed in the engine: nobody knows what became of it.
  const bool fell =
      !answer && aborted_flight_ != 0 && flight > aborted_flight_ && answer.error().code == Errc::unavailable;
  recover_when_drained();
  const Result<Revision> outcome = fell ? fail(Errc::cancelled, answer.error().message) : answer;
  for (const auto& call : done.mapped()) call(outcome);
}

void Head::when_durable(Done done) {
  if (in_flight_.empty())
    done(published_->revision());
  else
    in_flight_.rbegin()->second.push_back(std::move(done));
}

void Head::recover_when_drained() {
  if (draining_ && in_flight_.empty() && published_->revision() >= highest_answer_) load(published_);
}

}  // namespace cloudless::owner
