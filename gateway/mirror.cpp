#include "gateway/mirror.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cloudless::gateway {

void Mirror::when(Revision revision, Millis deadline, std::function<void(bool)> done) {
  {
    std::lock_guard lock(mutex_);
    // The revision is stored under this lock too, so nobody can slip past between the check and the wait.
    if (revision_.load(std::memory_order_relaxed) < revision && !closed_) {
      waiting_.emplace(revision, Waiting{deadline, std::move(done)});
      return;
    }
  }
  done(this->revision() >= revision);
}

Result<History::Page> Mirror::changes_after(Revision position, std::size_t limit) const {
  std::lock_guard lock(mutex_);
  if (auto page = history_.after(position, limit)) return std::move(*page);
  return fail(Errc::out_of_range, "changes after revision " + std::to_string(position) +
                                      " are no longer kept; the oldest position is " +
                                      std::to_string(history_.oldest()) +
                                      ": list again and watch from there");
}

bool Mirror::may_have_changed(const WorkloadUid& uid, Revision position) const {
  constexpr std::size_t kLookedThrough = 4096;
  const auto at = revision();
  const auto page = changes_after(position, kLookedThrough);
  if (!page || page->upto < at) return true;
  return std::any_of(page->changes.begin(), page->changes.end(),
                     [&](const auto& change) { return change.uid == uid; });
}

std::uint64_t Mirror::subscribe(Wake wake) {
  std::lock_guard lock(subscribers_mutex_);
  subscribers_.emplace(next_subscription_, std::move(wake));
  return next_subscription_++;
}

void Mirror::unsubscribe(std::uint64_t subscription) {
  std::lock_guard lock(subscribers_mutex_);
  subscribers_.erase(subscription);
}

void Mirror::wake_all() {
  std::lock_guard lock(subscribers_mutex_);
  // A subscriber may leave while it is called; that invalidates only its own place.
  for (auto it = subscribers_.begin(); it != subscribers_.end();) {
    const auto wake = (it++)->second;
    wake();
  }
}

void Mirror::keep_time(const CommitsPublished& batch, bool continues, Millis now) {
  if (!continues) {
    store_clock_.observe(mark_of(*batch.after), now);
  } else {
    for (const auto& commit : *batch.commits)
      for (const auto& change : commit.changes)
        if (change.record) store_clock_.observe(mark_of(*change.record), now);
  }
  store_ahead_.store(store_clock_.now(now) - now, std::memory_order_release);
}

void Mirror::publish(const CommitsPublished& batch, Millis now) {
  const auto before = present();
  std::vector<Touch> touches;
  const bool continues =
      before && batch.predecessor == before->revision() && batch.after->revision() >= batch.predecessor;
  if (continues) touches = touches_of(*before, *batch.commits);
  keep_time(batch, continues, now);
  std::vector<std::function<void(bool)>> reached;
  {
    std::lock_guard lock(mutex_);
    if (continues)
      history_.append(std::move(touches), batch.after->revision(), now);
    else
      history_.restart(batch.after->revision());
    present_.store(batch.after, std::memory_order_release);
    revision_.store(batch.after->revision(), std::memory_order_release);
    const auto end = waiting_.upper_bound(batch.after->revision());
    for (auto it = waiting_.begin(); it != end; ++it) reached.push_back(std::move(it->second.done));
    waiting_.erase(waiting_.begin(), end);
  }
  for (auto& done : reached) done(true);
  wake_all();
}

void Mirror::tick(Millis now) {
  std::vector<std::function<void(bool)>> late;
  {
    std::lock_guard lock(mutex_);
    history_.forget_old(now);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      if (it->second.deadline > now) {
        ++it;
        continue;
      }
      late.push_back(std::move(it->second.done));
      it = waiting_.erase(it);
    }
  }
  for (auto& done : late) done(false);
  wake_all();
}

void Mirror::close() {
  std::multimap<Revision, Waiting> left;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    left.swap(waiting_);
  }
  for (auto& [revision, waiting] : left) waiting.done(false);
  wake_all();
}

}  // namespace cloudless::gateway
