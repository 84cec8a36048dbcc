#include "actors/store/history.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cloudless::store {

void History::add(std::shared_ptr<const std::vector<Commit>> batch, std::size_t bytes, Millis now) {
  if (batch->empty()) return;
  assert(batch->front().revision == last_ + 1);
  last_ = batch->back().revision;
  commits_ += batch->size();
  bytes_ += bytes;
  batches_.push_back({std::move(batch), bytes, now});
  while (batches_.size() > 1 &&
         (commits_ > bounds_.commits || bytes_ > bounds_.bytes || batches_.front().at + bounds_.age < now)) {
    commits_ -= batches_.front().commits->size();
    bytes_ -= batches_.front().bytes;
    batches_.pop_front();
  }
}

void History::restart(Revision start) {
  batches_.clear();
  commits_ = bytes_ = 0;
  last_ = start;
}

Result<std::vector<Commit>> History::after(Revision revision, std::size_t limit) const {
  if (revision < oldest() || revision > last_)
    return fail(Errc::out_of_range, "revision " + std::to_string(revision) +
                                        " is not kept; the oldest position is " + std::to_string(oldest()) +
                                        ", the newest " + std::to_string(last_) +
                                        ": list again and go on from the list's revision");
  // The first batch whose last commit is after the revision.
  auto batch = std::partition_point(batches_.begin(), batches_.end(), [revision](const Batch& b) {
    return b.commits->back().revision <= revision;
  });
  std::vector<Commit> out;
  for (; batch != batches_.end() && out.size() < limit; ++batch)
    for (const auto& commit : *batch->commits)
      if (commit.revision > revision && out.size() < limit) out.push_back(commit);
  return out;
}

}  // namespace cloudless::store
