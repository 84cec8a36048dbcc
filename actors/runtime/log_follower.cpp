#include "actors/runtime/log_follower.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "actors/runtime/file_reading.hpp"

namespace cloudless::runtime {
namespace {

/// How often followed logs are looked at without being told.
constexpr int kLookEvery = 250;

/// Which readings wait for which file. One watch per file, however many read it.
class Watches {
 public:
  explicit Watches(int inotify, const std::string& dir) : inotify_(inotify) {
    folder_ = ::inotify_add_watch(inotify_, dir.c_str(), IN_CREATE);
  }
  ~Watches() { ::close(inotify_); }

  int descriptor() const { return inotify_; }

  /// In place of the file it waited for before; an empty path: for none. True: from now on another file is
  /// watched, and what was written until now is not told.
  bool wait_for(std::uint64_t reading, const std::string& path) {
    const auto before = waits_.find(reading);
    if (before != waits_.end() && before->second.path == path) return false;
    if (before != waits_.end()) {
      auto& others = readings_[before->second.watch];
      others.erase(reading);
      if (others.empty()) {
        readings_.erase(before->second.watch);
        ::inotify_rm_watch(inotify_, before->second.watch);
      }
      waits_.erase(before);
    }
    const int watch = path.empty() ? -1 : ::inotify_add_watch(inotify_, path.c_str(), IN_MODIFY);
    if (watch < 0) return false;
    waits_[reading] = {path, watch};
    readings_[watch].insert(reading);
    return true;
  }

  /// Readings whose files changed since the last call. `all`: a new file is there, whoever waits for it.
  std::set<std::uint64_t> changed(bool& all) {
    std::set<std::uint64_t> out;
    alignas(inotify_event) std::array<char, 16384> events;
    for (ssize_t got = 0; (got = ::read(inotify_, events.data(), events.size())) > 0;) {
      for (ssize_t at = 0; at < got;) {
        inotify_event event{};
        std::memcpy(&event, events.data() + at, sizeof event);
        at += static_cast<ssize_t>(sizeof event + event.len);
        all = all || event.wd == folder_ || (event.mask & IN_Q_OVERFLOW) != 0;
        const auto found = readings_.find(event.wd);
        if (found != readings_.end()) out.insert(found->second.begin(), found->second.end());
      }
    }
    return out;
  }

 private:
  struct Wait {
    std::string path;
    int watch = -1;
  };
  const int inotify_;
  int folder_ = -1;
  std::map<std::uint64_t, Wait> waits_;
  std::map<int, std::set<std::uint64_t>> readings_;
};

class Follower final : public LogStore {
 public:
  Follower(std::string dir, int wake, int inotify)
      : dir_(std::move(dir)), wake_(wake), watches_(inotify, dir_), thread_([this] { run(); }) {}

  ~Follower() override {
    command({Command::Kind::stop, 0, {}, 0, {}});
    thread_.join();
    ::close(wake_);
  }

  std::unique_ptr<LogReading> open(LogRequest request, std::function<void(LogBatch)> deliver) override;

 private:
  class Handle;
  struct Command {
    enum class Kind { open, grant, container, finish, close, stop } kind;
    std::uint64_t id = 0;
    std::shared_ptr<FileReading> reading;
    std::uint64_t bytes = 0;
    ContainerId container;
  };

  void command(Command next) {
    {
      std::lock_guard lock(mutex_);
      commands_.push_back(std::move(next));
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  }

  void run() {
    while (take_commands()) {
      // In turns, a piece each.
      for (const auto id : std::exchange(ready_, {})) advance(id);
      sleep();
    }
  }

  void advance(std::uint64_t id) {
    const auto found = readings_.find(id);
    if (found == readings_.end()) return;
    auto& reading = *found->second;
    switch (reading.advance()) {
      case FileReading::Progress::more:
        ready_.insert(id);
        break;
      case FileReading::Progress::waiting:
        waiting_.insert(id);
        if (watches_.wait_for(id, reading.path())) ready_.insert(id);
        break;
      case FileReading::Progress::stalled:
      case FileReading::Progress::ended:
        watches_.wait_for(id, {});
        waiting_.erase(id);
        break;
    }
  }

  bool take_commands() {
    std::vector<Command> commands;
    {
      std::lock_guard lock(mutex_);
      commands.swap(commands_);
    }
    for (auto& next : commands) {
      if (next.kind == Command::Kind::stop) return false;
      if (next.kind == Command::Kind::open) readings_[next.id] = std::move(next.reading);
      auto found = readings_.find(next.id);
      if (found == readings_.end()) continue;
      ready_.insert(next.id);
      if (next.kind == Command::Kind::grant) found->second->grant(next.bytes);
      if (next.kind == Command::Kind::container) found->second->add_container(std::move(next.container));
      if (next.kind == Command::Kind::finish) found->second->finish();
      if (next.kind == Command::Kind::close) {
        watches_.wait_for(next.id, {});
        waiting_.erase(next.id);
        readings_.erase(found);
      }
    }
    return true;
  }

  /// Until a command, a change of a watched file, or, while files are followed, a little time.
  void sleep() {
    std::array<pollfd, 2> waits = {{{wake_, POLLIN, 0}, {watches_.descriptor(), POLLIN, 0}}};
    const int timeout = !ready_.empty() ? 0 : waiting_.empty() ? -1 : kLookEvery;
    const bool silent = ::poll(waits.data(), waits.size(), timeout) == 0 && timeout != 0;
    std::uint64_t ignored = 0;
    if (waits[0].revents & POLLIN) [[maybe_unused]]
      const auto got = ::read(wake_, &ignored, sizeof ignored);
    bool all = silent;
    ready_.merge(watches_.changed(all));
    if (all) ready_.insert(waiting_.begin(), waiting_.end());
  }

  const std::string dir_;
  const int wake_;
  Watches watches_;
  std::mutex mutex_;
  std::vector<Command> commands_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::shared_ptr<FileReading>> readings_;
  std::set<std::uint64_t> ready_;
  std::set<std::uint64_t> waiting_;  ///< for new lines
  std::thread thread_;
};

class Follower::Handle final : public LogReading {
 public:
  Handle(Follower& follower, std::uint64_t id) : follower_(follower), id_(id) {}
  ~Handle() override { follower_.command({Command::Kind::close, id_, {}, 0, {}}); }
  void grant(std::uint64_t bytes) override { follower_.command({Command::Kind::grant, id_, {}, bytes, {}}); }
  void add_container(ContainerId container) override {
    follower_.command({Command::Kind::container, id_, {}, 0, std::move(container)});
  }
  void finish() override { follower_.command({Command::Kind::finish, id_, {}, 0, {}}); }

 private:
  Follower& follower_;
  const std::uint64_t id_;
};

std::unique_ptr<LogReading> Follower::open(LogRequest request, std::function<void(LogBatch)> deliver) {
  auto reading = std::make_shared<FileReading>(dir_, std::move(request), std::move(deliver));
  std::uint64_t id = 0;
  {
    std::lock_guard lock(mutex_);
    id = ++last_id_;
  }
  command({Command::Kind::open, id, std::move(reading), 0, {}});
  return std::make_unique<Handle>(*this, id);
}

}  // namespace

Result<std::unique_ptr<LogStore>> make_log_follower(std::string log_dir) {
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int inotify = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (wake < 0 || inotify < 0) {
    if (wake >= 0) ::close(wake);
    if (inotify >= 0) ::close(inotify);
    return fail(
        Errc::internal,
        "logs cannot be followed: the kernel has no more inotify instances or files for this process");
  }
  return std::make_unique<Follower>(std::move(log_dir), wake, inotify);
}

}  // namespace cloudless::runtime
