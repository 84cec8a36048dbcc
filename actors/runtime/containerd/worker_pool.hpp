// A few threads for blocking calls, so that a caller never waits. Threads are started as they are needed, up
// to a limit.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace cloudless::runtime {

class WorkerPool {
 public:
  explicit WorkerPool(std::size_t limit) : limit_(limit) {}
  ~WorkerPool() { finish(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Runs `job` on some thread, jobs begin in order. After finish: at once, on this one.
  void submit(std::function<void()> job);
  /// Runs what is queued to its end and joins the threads.
  void finish();

 private:
  void work();

  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool finished_ = false;
};

}  // namespace cloudless::runtime
