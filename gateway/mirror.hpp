// The gateway's picture of the store. One actor (mirror_feed.hpp) publishes into it; gRPC's threads read from
// it. Reading the present takes no lock: it is one atomic pointer. Waiting for a revision and watching
// changes do.
#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "gateway/history.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/store_clock.hpp"
#include "messages/store.hpp"

namespace cloudless::gateway {

class Mirror {
 public:
  explicit Mirror(History::Limits limits) : history_(limits) {}
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  /// Any thread. Null until the first snapshot is there.
  SnapshotPtr present() const { return present_.load(std::memory_order_acquire); }
  /// 0 until the first snapshot is there.
  Revision revision() const { return revision_.load(std::memory_order_acquire); }

  /// Store time at this steady time, as far as the commits tell (messages/domain/store_clock.hpp).
  Millis store_time(Millis steady) const {
    const auto ahead = store_ahead_.load(std::memory_order_acquire);
    return ahead == kNoTime ? StoreClock{}.now(steady) : steady + ahead;
  }

  /// Nothing more will come.
  bool closed() const { return closed_.load(std::memory_order_acquire); }

  /// Calls done(true), here or in the publisher's thread, once the present is at `revision` or later;
  /// done(false) after `deadline` (steady time), and when the mirror is closed. Exactly once.
  void when(Revision revision, Millis deadline, std::function<void(bool)> done);

  /// What was touched after a position; OUT_OF_RANGE names the oldest position that is kept.
  Result<History::Page> changes_after(Revision position, std::size_t limit) const;

  /// False only if nothing about this workload was committed after the position.
  bool may_have_changed(const WorkloadUid& uid, Revision position) const;

  /// Calls wake after every publication and every tick, in the publisher's thread, until unsubscribed. No
  /// call is under way when unsubscribe returns, unless it is wake itself that calls it.
  using Wake = std::function<void()>;
  std::uint64_t subscribe(Wake wake);
  void unsubscribe(std::uint64_t subscription);

  // For the publisher.
  /// Takes a batch, or a fresh load when its predecessor is not the present revision.
  void publish(const CommitsPublished& batch, Millis now);
  /// Ends what waited too long, forgets old history, wakes the subscribers.
  void tick(Millis now);
  /// Nothing more will come: ends everything that waits.
  void close();

 private:
  struct Waiting {
    Millis deadline = 0;
    std::function<void(bool)> done;
  };
  void wake_all();

  void keep_time(const CommitsPublished& batch, bool continues, Millis now);

  static constexpr Millis kNoTime = std::numeric_limits<Millis>::min();

  std::atomic<SnapshotPtr> present_;
  StoreClock store_clock_;  // the publisher's
  std::atomic<Millis> store_ahead_{kNoTime};
  std::atomic<Revision> revision_{0};

  mutable std::mutex mutex_;
  History history_;
  std::multimap<Revision, Waiting> waiting_;
  std::atomic<bool> closed_{false};

  // Held while subscribers are called, so that unsubscribe can promise silence.
  std::recursive_mutex subscribers_mutex_;
  std::map<std::uint64_t, Wake> subscribers_;
  std::uint64_t next_subscription_ = 1;
};

}  // namespace cloudless::gateway
