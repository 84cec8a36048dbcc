#include "actors/runtime/containerd/worker_pool.hpp"

namespace cloudless::runtime {

void WorkerPool::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (!finished_) {
      jobs_.push_back(std::move(job));
      if (jobs_.size() > idle_ && threads_.size() < limit_) threads_.emplace_back([this] { work(); });
      changed_.notify_one();
      return;
    }
  }
  job();
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [&] { return finished_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

void WorkerPool::finish() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    threads.swap(threads_);
    changed_.notify_all();
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace cloudless::runtime
