#include "actors/runtime/log_follower.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "actors/runtime/log_reader.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::size_t kBlock = 128 << 10;
constexpr std::size_t kLongestTail = 64 << 20;
/// How often followed files are looked at without being told: files that do not exist yet cannot be watched.
constexpr int kLookEvery = 250;
/// Attempts of a replica that is not here any more.
constexpr std::size_t kAttemptsShown = 5;

class File {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool exists() const { return fd_ >= 0; }

  std::uint64_t size() const {
    struct stat status {};
    return ::fstat(fd_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  }
  std::string read(std::uint64_t at, std::size_t length) const {
    std::string out(length, '\0');
    std::size_t got = 0;
    while (got < length) {
      const auto n = ::pread(fd_, out.data() + got, length - got, static_cast<off_t>(at + got));
      if (n <= 0) break;
      got += static_cast<std::size_t>(n);
    }
    out.resize(got);
    return out;
  }

 private:
  int fd_;
};

/// One reading, only touched by the follower's thread.
struct Reading {
  LogRequest request;
  LogFilter filter;
  std::function<void(LogBatch)> deliver;
  std::size_t container = 0;  ///< of request.containers
  std::uint64_t offset = 0;   ///< in its file
  std::unique_ptr<File> file;
  std::uint64_t dropped = 0;
  bool begun = false;
  bool ended = false;
  bool found = false;  ///< some file was there
};

enum class Progress { idle, more };

class Follower final : public LogStore {
 public:
  Follower(std::string dir, int wake, int inotify)
      : dir_(std::move(dir)), wake_(wake), inotify_(inotify), thread_([this] { run(); }) {}

  ~Follower() override {
    command({Command::Kind::stop, 0, {}, 0, {}});
    thread_.join();
    ::close(wake_);
    ::close(inotify_);
  }

  std::unique_ptr<LogReading> open(LogRequest request, std::function<void(LogBatch)> deliver) override;

 private:
  class Handle;
  struct Command {
    enum class Kind { open, grant, container, finish, close, stop } kind;
    std::uint64_t id = 0;
    std::shared_ptr<Reading> reading;
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

  std::string path_of(const ContainerId& container) const { return dir_ + "/" + container.value + ".log"; }

  void run() {
    while (true) {
      if (!take_commands()) return;
      bool more = false;
      for (auto& [id, reading] : readings_)
        if (!reading->ended) more = advance(*reading) == Progress::more || more;
      if (!more) sleep();
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
      LogRequest& request = found->second->request;
      if (next.kind == Command::Kind::grant) request.credit += next.bytes;
      if (next.kind == Command::Kind::container) request.containers.push_back(std::move(next.container));
      if (next.kind == Command::Kind::finish) request.more_may_come = false;
      if (next.kind == Command::Kind::close) readings_.erase(found);
    }
    return true;
  }

  /// Until a command, a change of a watched file, or, while files are followed, a little time.
  void sleep() {
    const bool follows = std::any_of(readings_.begin(), readings_.end(), [](const auto& entry) {
      return !entry.second->ended && entry.second->request.more_may_come;
    });
    pollfd waits[2] = {{wake_, POLLIN, 0}, {inotify_, POLLIN, 0}};
    ::poll(waits, 2, follows ? kLookEvery : -1);
    char events[4096];
    for (const auto& wait : waits)
      if (wait.revents & POLLIN) [[maybe_unused]]
        const auto got = ::read(wait.fd, events, sizeof events);
  }

  Progress advance(Reading& reading) {
    if (!reading.begun) begin(reading);
    if (!open_file(reading)) return next_file(reading);
    const std::string bytes = reading.file->read(reading.offset, kBlock);
    LogPiece piece = read_piece(bytes, reading.filter, reading.request.containers[reading.container],
                                reading.request.credit, reading.dropped);
    reading.offset += piece.consumed;
    reading.request.credit -= piece.cost;
    if (!piece.lines.empty()) reading.deliver({std::move(piece.lines), false, {Errc::none, {}, {}}});
    if (piece.out_of_credit) return Progress::idle;
    if (piece.consumed > 0) return Progress::more;
    // A record without an end that fills the block is none of ours.
    if (bytes.size() == kBlock) reading.offset += kBlock;
    return bytes.size() == kBlock ? Progress::more : next_file(reading);
  }

  bool open_file(Reading& reading) {
    if (reading.file) return true;
    if (reading.container >= reading.request.containers.size()) return false;
    const std::string path = path_of(reading.request.containers[reading.container]);
    auto file = std::make_unique<File>(path);
    if (!file->exists()) return false;
    if (reading.request.more_may_come) ::inotify_add_watch(inotify_, path.c_str(), IN_MODIFY);
    reading.file = std::move(file);
    reading.found = true;
    return true;
  }

  /// The end of a file: on to the next attempt's, or wait, or the end.
  Progress next_file(Reading& reading) {
    if (reading.container + 1 < reading.request.containers.size()) {
      ++reading.container;
      reading.offset = 0;
      reading.file.reset();
      return Progress::more;
    }
    if (!reading.request.more_may_come) end(reading);
    return Progress::idle;
  }

  void end(Reading& reading) {
    LogBatch last;
    last.ended = true;
    if (!reading.found) {
      const auto& query = reading.request.query;
      const std::string& name = query.container.empty() ? query.replica.value : query.container.value;
      last.error = {Errc::not_found, "no log of " + name + " is kept on this node", {}};
    }
    reading.ended = true;
    reading.deliver(std::move(last));
  }

  void begin(Reading& reading) {
    reading.begun = true;
    reading.filter = filter_of(reading.request.query);
    if (reading.request.containers.empty())
      reading.request.containers = kept_of(reading.request.query.replica);
    if (reading.request.query.tail_lines) find_tail(reading, *reading.request.query.tail_lines);
  }

  /// From the newest file backwards, until enough lines are found.
  void find_tail(Reading& reading, std::uint32_t count) {
    const auto& containers = reading.request.containers;
    for (std::size_t n = containers.size(); n > 0; --n) {
      reading.container = n - 1;
      reading.offset = tail_of(path_of(containers[n - 1]), reading, count);
      if (count == 0) return;
    }
  }

  static std::uint64_t tail_of(const std::string& path, Reading& reading, std::uint32_t& count) {
    const File file(path);
    if (!file.exists()) return 0;
    reading.found = true;
    const std::uint64_t size = file.size();
    for (std::size_t length = kBlock;; length *= 2) {
      const std::uint64_t from = size > length ? size - length : 0;
      std::string bytes = file.read(from, static_cast<std::size_t>(size - from));
      // Whole records only: not the one that the block begins in, nor the one that is being written.
      const std::size_t first = from == 0 ? 0 : bytes.find('\n') + 1;
      const std::size_t last = bytes.rfind('\n') + 1;
      std::uint32_t missing = count;
      const std::string_view records = std::string_view{bytes}.substr(first, std::max(first, last) - first);
      const std::size_t start = tail_start(records, reading.filter, missing);
      if (missing == 0 || from == 0 || length >= kLongestTail) {
        count = length >= kLongestTail ? 0 : missing;
        return from + first + start;
      }
    }
  }

  /// Containers of a replica whose logs are still here, in the order of its attempts.
  std::vector<ContainerId> kept_of(const ReplicaId& replica) const {
    const std::string prefix = container_prefix(replica);
    std::map<std::uint32_t, ContainerId> found;
    DIR* folder = ::opendir(dir_.c_str());
    while (const dirent* entry = folder ? ::readdir(folder) : nullptr) {
      const std::string_view name = entry->d_name;
      if (!name.starts_with(prefix) || !name.ends_with(".log")) continue;
      const std::string_view digits = name.substr(prefix.size(), name.size() - prefix.size() - 4);
      std::uint32_t attempt = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), attempt);
      if (error == std::errc{} && end == digits.data() + digits.size())
        found[attempt] = ContainerId{prefix + std::string{digits}};
    }
    if (folder) ::closedir(folder);
    while (found.size() > kAttemptsShown) found.erase(found.begin());
    std::vector<ContainerId> out;
    for (auto& [attempt, container] : found) out.push_back(std::move(container));
    return out;
  }

  const std::string dir_;
  const int wake_;
  const int inotify_;
  std::mutex mutex_;
  std::vector<Command> commands_;
  std::uint64_t last_id_ = 0;  ///< guarded by mutex_
  std::map<std::uint64_t, std::shared_ptr<Reading>> readings_;
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
  auto reading = std::make_shared<Reading>();
  reading->request = std::move(request);
  reading->deliver = std::move(deliver);
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
