#include "actors/store/engine_runner.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace cloudless::store {
namespace {

struct Queued {
  EngineJob job;
  EngineRunner::Reply reply;
};

class ThreadRunner final : public EngineRunner {
 public:
  explicit ThreadRunner(std::unique_ptr<Engine> engine)
      : engine_(std::move(engine)), thread_([this] { work(); }) {}

  ~ThreadRunner() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    something_.notify_one();
    thread_.join();
  }

  void submit(EngineJob job, Reply reply) override {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back({std::move(job), std::move(reply)});
    }
    something_.notify_one();
  }

 private:
  void work() {
    for (;;) {
      Queued next;
      {
        std::unique_lock lock(mutex_);
        something_.wait(lock, [this] { return ending_ || !queue_.empty(); });
        if (ending_) return;
        next = std::move(queue_.front());
        queue_.pop_front();
      }
      next.reply(perform(*engine_, next.job));
    }
  }

  std::unique_ptr<Engine> engine_;
  std::mutex mutex_;
  std::condition_variable something_;
  std::deque<Queued> queue_;
  bool ending_ = false;
  std::thread thread_;
};

class DelayedRunner final : public EngineRunner {
 public:
  DelayedRunner(std::unique_ptr<Engine> engine, std::function<EngineDelay()> next_delay, Later later)
      : engine_(std::move(engine)), next_delay_(std::move(next_delay)), later_(std::move(later)) {}

  void submit(EngineJob job, Reply reply) override {
    queue_.push_back({std::move(job), std::move(reply)});
    if (!busy_) start();
  }

 private:
  void start() {
    busy_ = true;
    const auto delay = next_delay_();
    later_(delay.before, [this, delay] {
      auto answer = std::make_shared<EngineAnswer>(perform(*engine_, queue_.front().job));
      later_(delay.after, [this, answer] { finish(std::move(*answer)); });
    });
  }

  void finish(EngineAnswer answer) {
    auto reply = std::move(queue_.front().reply);
    queue_.pop_front();
    busy_ = false;
    if (!queue_.empty()) start();
    reply(std::move(answer));
  }

  std::unique_ptr<Engine> engine_;
  std::function<EngineDelay()> next_delay_;
  Later later_;
  std::deque<Queued> queue_;
  bool busy_ = false;
};

}  // namespace

std::unique_ptr<EngineRunner> thread_runner(std::unique_ptr<Engine> engine) {
  return std::make_unique<ThreadRunner>(std::move(engine));
}

std::unique_ptr<EngineRunner> delayed_runner(std::unique_ptr<Engine> engine,
                                             std::function<EngineDelay()> next_delay, Later later) {
  return std::make_unique<DelayedRunner>(std::move(engine), std::move(next_delay), std::move(later));
}

}  // namespace cloudless::store
