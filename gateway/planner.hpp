// Plans and explanations are worked out here, one after another, beside the calls: each may take as long as a
// thousand reads. Thread-safe.
#pragma once

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <utility>

namespace cloudless::gateway {

class Planner {
 public:
  static constexpr int kMostAtOnce = 4;

  /// Ends what was begun; nothing may be given to it any more.
  ~Planner() { thread_.join(); }

  /// False: as many wait as may; `job` is dropped. It must not throw.
  template <class Job>
  bool run(Job job) {
    if (waiting_.fetch_add(1) >= kMostAtOnce) {
      waiting_.fetch_sub(1);
      return false;
    }
    boost::asio::post(thread_, [this, job = std::move(job)] {
      job();
      waiting_.fetch_sub(1);
    });
    return true;
  }

 private:
  std::atomic<int> waiting_{0};
  boost::asio::thread_pool thread_{1};
};

}  // namespace cloudless::gateway
