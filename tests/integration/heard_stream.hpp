// A stream of the runtime port as tests use it: everything it says is kept, input goes as far as it is taken.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "tests/integration/runtime_node.hpp"

namespace cloudless::test {

class HeardStream {
 public:
  HeardStream(runtime::RuntimePort& port, runtime::StreamRequest request)
      : heard_(std::make_shared<Heard>()) {
    stream = port.open_stream(std::move(request), [heard = heard_](runtime::StreamNews news) {
      const std::lock_guard lock(heard->mutex);
      (news.is_stderr ? heard->err : heard->out) += news.output;
      heard->last = heard->last || news.last;
      heard->credit += news.taken;
      if (news.end) heard->end = std::move(news.end);
      heard->changed.notify_all();
    });
  }

  /// Waits for room; false if there was none in time.
  bool send(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += kMaxSessionChunk) {
      auto piece = bytes.substr(at, kMaxSessionChunk);
      if (!await([&](const Heard& heard) { return heard.credit >= piece.size() || heard.end; })) return false;
      {
        const std::lock_guard lock(heard_->mutex);
        heard_->credit -= std::min<std::uint64_t>(heard_->credit, piece.size());
      }
      stream->push(std::move(piece));
    }
    return true;
  }
  bool says(const std::string& text) {
    return await([&](const Heard& heard) { return heard.out.find(text) != std::string::npos; });
  }
  /// How it ended; DEADLINE_EXCEEDED if it does not.
  Result<runtime::StreamEnd> end() {
    if (!await([](const Heard& heard) { return heard.end.has_value(); }))
      return fail(Errc::deadline_exceeded, "the test waited too long; it said: " + out() + err());
    const std::lock_guard lock(heard_->mutex);
    return *heard_->end;
  }
  bool has_ended() const {
    const std::lock_guard lock(heard_->mutex);
    return heard_->end.has_value();
  }
  bool closes_output() {
    return await([](const Heard& heard) { return heard.last; });
  }
  std::string out() const {
    const std::lock_guard lock(heard_->mutex);
    return heard_->out;
  }
  std::string err() const {
    const std::lock_guard lock(heard_->mutex);
    return heard_->err;
  }

  std::unique_ptr<runtime::RuntimeStream> stream;

 private:
  struct Heard {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::string out, err;
    bool last = false;
    std::uint64_t credit = kSessionInputCredit;
    std::optional<Result<runtime::StreamEnd>> end;
  };

  template <class Condition>
  bool await(Condition condition) {
    std::unique_lock lock(heard_->mutex);
    return heard_->changed.wait_for(lock, kPatience, [&] { return condition(*heard_); });
  }

  std::shared_ptr<Heard> heard_;
};

}  // namespace cloudless::test
