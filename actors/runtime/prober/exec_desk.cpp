#include "actors/runtime/prober/exec_desk.hpp"

#include <utility>
#include <vector>

namespace cloudless::runtime {
namespace {

const ProbeAnswer kNotAsked{ProbeOutcome::unknown, "nobody waits for the answer"};

}  // namespace

class ExecDesk::Room : public std::enable_shared_from_this<Room> {
 public:
  explicit Room(RunExec run) : run_(std::move(run)) {}

  std::uint64_t enter(ProbeQuestion question, std::function<void(ProbeAnswer)> done) {
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = ++numbers_;
      waiting_.push_back({number, std::move(question), std::move(done)});
    }
    serve();
    return number;
  }

  void leave(std::uint64_t number) {
    std::function<void(ProbeAnswer)> done;
    GiveUp give_up;
    {
      const std::lock_guard lock(mutex_);
      for (auto entry = waiting_.begin(); entry != waiting_.end(); ++entry) {
        if (entry->number != number) continue;
        done = std::move(entry->done);
        waiting_.erase(entry);
        break;
      }
      const auto running = running_.find(number);
      if (running != running_.end()) give_up = running->second;
    }
    if (done) done(kNotAsked);
    if (give_up) give_up();
  }

  void close() {
    std::deque<Entry> waiting;
    std::vector<GiveUp> running;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      waiting.swap(waiting_);
      for (const auto& [number, give_up] : running_) running.push_back(give_up);
    }
    for (const auto& entry : waiting) entry.done(kNotAsked);
    for (const auto& give_up : running)
      if (give_up) give_up();
  }

 private:
  struct Entry {
    std::uint64_t number = 0;
    ProbeQuestion question;
    std::function<void(ProbeAnswer)> done;
  };

  /// Those that come next, as far as there are places.
  void serve() {
    while (auto next = take_next()) run(std::move(*next));
  }

  std::optional<Entry> take_next() {
    const std::lock_guard lock(mutex_);
    if (closed_ || waiting_.empty() || running_.size() >= kPlaces) return std::nullopt;
    Entry next = std::move(waiting_.front());
    waiting_.pop_front();
    running_.emplace(next.number, GiveUp{});
    return next;
  }

  void run(Entry entry) {
    const auto& check = std::get<ExecCheck>(entry.question.check);
    ExecQuery query;
    query.container = entry.question.container;
    query.command = check.command;
    query.timeout = entry.question.timeout;
    const auto number = entry.number;
    auto give_up = run_(entry.question.container, std::move(query),
                        [room = shared_from_this(), number, check, timeout = entry.question.timeout,
                         done = std::move(entry.done)](Result<ExecResult> result) {
                          {
                            const std::lock_guard lock(room->mutex_);
                            room->running_.erase(number);
                          }
                          done(judge_exec(check, timeout, result));
                          room->serve();
                        });
    const std::lock_guard lock(mutex_);
    const auto running = running_.find(number);
    if (running != running_.end()) running->second = std::move(give_up);
  }

  const RunExec run_;
  std::mutex mutex_;
  bool closed_ = false;
  std::uint64_t numbers_ = 0;
  std::deque<Entry> waiting_;
  std::map<std::uint64_t, GiveUp> running_;
};

ExecDesk::ExecDesk(RunExec run) : room_(std::make_shared<Room>(std::move(run))) {}

ExecDesk::~ExecDesk() {
  room_->close();
}

GiveUp ExecDesk::ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done) {
  const auto number = room_->enter(std::move(question), std::move(done));
  return [room = std::weak_ptr(room_), number] {
    if (auto still = room.lock()) still->leave(number);
  };
}

}  // namespace cloudless::runtime
