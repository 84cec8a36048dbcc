#include "actors/runtime/simulated/simulated_logs.hpp"

#include <utility>

namespace cloudless::runtime {

/// Where one reading stands.
class SimulatedLogs::Reading {
 public:
  Reading(SimulatedLogs& logs, LogRequest request, std::function<void(LogBatch)> deliver)
      : logs_(logs), request_(std::move(request)), deliver_(std::move(deliver)) {
    const auto& after = request_.query.after;
    while (after && at_ + 1 < request_.containers.size() && request_.containers[at_] != after->container)
      ++at_;
    if (after && at_ < request_.containers.size() && request_.containers[at_] == after->container)
      next_ = after->position;
  }

  void grant(std::uint64_t bytes) { request_.credit += bytes; }
  void add_container(ContainerId container) { request_.containers.push_back(std::move(container)); }
  void finish() { request_.more_may_come = false; }

  /// Delivers what there is and what the credit allows.
  void go_on() {
    LogBatch batch;
    while (!ended_ && at_ < request_.containers.size()) {
      const auto& lines = logs_.lines_[request_.containers[at_]];
      if (next_ >= lines.size()) {
        if (at_ + 1 == request_.containers.size()) break;
        ++at_;
        next_ = 0;
        continue;
      }
      const LogLine& line = lines[next_];
      if (session_bytes(line) > request_.credit) return emit(std::move(batch));
      ++next_;
      if (line.is_stderr ? !request_.query.want_stderr : !request_.query.want_stdout) continue;
      request_.credit -= session_bytes(line);
      batch.lines.push_back(line);
    }
    batch.ended = !ended_ && !request_.more_may_come;
    emit(std::move(batch));
  }

 private:
  void emit(LogBatch batch) {
    if (batch.lines.empty() && !batch.ended) return;
    ended_ = batch.ended;
    deliver_(std::move(batch));
  }

  SimulatedLogs& logs_;
  LogRequest request_;
  std::function<void(LogBatch)> deliver_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
  bool ended_ = false;
};

namespace {

/// The receiver's end: it may go at any time, and then nothing is delivered.
template <class Reading>
class Handle final : public LogReading {
 public:
  Handle(std::shared_ptr<Reading> reading, Post post) : reading_(std::move(reading)), post_(std::move(post)) {
    wake();
  }
  void grant(std::uint64_t bytes) override {
    reading_->grant(bytes);
    wake();
  }
  void add_container(ContainerId container) override {
    reading_->add_container(std::move(container));
    wake();
  }
  void finish() override {
    reading_->finish();
    wake();
  }

 private:
  void wake() {
    post_(1, [weak = std::weak_ptr<Reading>{reading_}] {
      if (auto reading = weak.lock()) reading->go_on();
    });
  }

  std::shared_ptr<Reading> reading_;
  Post post_;
};

}  // namespace

std::unique_ptr<LogReading> SimulatedLogs::open(LogRequest request, std::function<void(LogBatch)> deliver) {
  auto reading = std::make_shared<Reading>(*this, std::move(request), std::move(deliver));
  std::erase_if(readings_, [](const auto& weak) { return weak.expired(); });
  readings_.push_back(reading);
  return std::make_unique<Handle<Reading>>(std::move(reading), post_);
}

void SimulatedLogs::write(const ContainerId& container, std::string line, std::int64_t time_nanos) {
  LogLine entry;
  entry.time_nanos = time_nanos;
  entry.line = std::move(line);
  entry.container = container;
  entry.position = lines_[container].size() + 1;
  lines_[container].push_back(std::move(entry));
  for (const auto& weak : readings_)
    post_(1, [weak] {
      if (auto reading = weak.lock()) reading->go_on();
    });
}

}  // namespace cloudless::runtime
