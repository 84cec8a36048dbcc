#include "actors/runtime/containerd/logger_keeper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

extern char** environ;

namespace cloudless::runtime {
namespace {

constexpr int kFirstFd = 10;  // above those that a logger is given
constexpr int kReleaseMillis = 2000;
constexpr int kEarlyMillis = 10;
constexpr int kPauseMillis = 200;
constexpr int kLongestPauseMillis = 5000;

/// As Go's url.Query expects a value.
std::string percent_encoded(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::strchr("/._-~", c) != nullptr) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::int64_t steady_now() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

int pidfd_open(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

/// A second way into the pipe that another process has open for reading; -1 if it is not there.
int open_pipe_of(pid_t pid, int fd) {
  const auto path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
  const int opened = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (opened < 0) return -1;
  const int moved = fcntl(opened, F_DUPFD_CLOEXEC, kFirstFd);
  close(opened);
  return moved;
}

/// The logger of this state folder; 0 if none lives: a logger holds a lock on the file that its number is in.
pid_t living_logger(const std::string& state) {
  const auto path = state + "/pid";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const bool lives = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(fd);
  pid_t pid = 0;
  if (lives) std::ifstream(path) >> pid;
  return pid;
}

bool at_end(int fd) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0 && (p.revents & POLLIN) == 0;
}

}  // namespace

LoggerKeeper::LoggerKeeper(std::string logger, std::string log_dir, std::string state_dir,
                           const LogLimits& limits)
    : logger_(std::move(logger)),
      log_dir_(std::move(log_dir)),
      state_dir_(std::move(state_dir)),
      limits_(limits),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::thread([this] { run(); });
}

LoggerKeeper::~LoggerKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  eventfd_write(wake_, 1);
  thread_.join();
  for (auto& [id, watched] : watched_) close_all(watched);
  close(wake_);
}

Result<bool> LoggerKeeper::usable() const {
  if (logger_.empty() || logger_.front() != '/' || access(logger_.c_str(), X_OK) != 0)
    return fail(Errc::failed_precondition,
                "the logger program \"" + logger_ + "\" must be the absolute path of cloudless-logger");
  for (const auto& dir : {log_dir_, state_dir_}) {
    std::error_code error;
    std::filesystem::create_directories(dir, error);
    if (dir.empty() || dir.front() != '/' || access(dir.c_str(), W_OK) != 0)
      return fail(Errc::failed_precondition, "folder \"" + dir + "\" must be an absolute path and writable");
  }
  return true;
}

std::string LoggerKeeper::log_path(const ContainerId& container) const {
  return log_dir_ + "/" + container.value + ".log";
}
std::string LoggerKeeper::state_path(const ContainerId& container) const {
  return state_dir_ + "/" + container.value;
}

std::string LoggerKeeper::uri(const ContainerId& container) const {
  std::string out = "binary://" + percent_encoded(logger_);
  char separator = '?';
  for (const auto& [key, value] : arguments(container)) {
    out += separator + key + "=" + percent_encoded(value);
    separator = '&';
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> LoggerKeeper::arguments(const ContainerId& container) const {
  return {{"log", log_path(container)},
          {"state", state_path(container)},
          {"size", std::to_string(limits_.most_bytes)},
          {"files", std::to_string(limits_.most_files)},
          {"rate", std::to_string(limits_.rate)}};
}

void LoggerKeeper::close_all(Watched& watched) {
  for (int* fd : {&watched.process, &watched.out, &watched.err}) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
}

bool LoggerKeeper::ended(const Watched& watched) {
  return at_end(watched.out) && at_end(watched.err);
}

bool LoggerKeeper::open_logger(const ContainerId& container, Watched& watched) const {
  const pid_t pid = living_logger(state_path(container));
  if (pid <= 0) return false;
  watched.process = pidfd_open(pid);
  watched.out = open_pipe_of(pid, 3);
  watched.err = open_pipe_of(pid, 4);
  if (watched.process >= 0 && watched.out >= 0 && watched.err >= 0) return true;
  close_all(watched);
  return false;
}

void LoggerKeeper::watch(const ContainerId& container) {
  Watched watched;
  if (!open_logger(container, watched)) return;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = watched_[container];
    close_all(slot);
    slot = watched;
  }
  eventfd_write(wake_, 1);
}

void LoggerKeeper::release(const ContainerId& container) {
  std::unique_lock lock(mutex_);
  const bool finished = changed_.wait_for(lock, std::chrono::milliseconds(kReleaseMillis),
                                          [&] { return !watched_.contains(container); });
  if (!finished) {
    spdlog::warn("the log of container {} is still being written", container.value);
    close_all(watched_[container]);
    watched_.erase(container);
    return;
  }
  lock.unlock();
  finish(container);
}

void LoggerKeeper::finish(const ContainerId& container) const {
  const auto state = state_path(container);
  if (!std::filesystem::exists(state) || living_logger(state) > 0) return;
  // Two pipes that have ended: nothing more comes, what is left is written.
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0) return;
  if (pipe2(err, O_CLOEXEC) != 0) {
    close(out[0]);
    close(out[1]);
    return;
  }
  close(out[1]);
  close(err[1]);
  Watched ended;
  ended.out = fcntl(out[0], F_DUPFD_CLOEXEC, kFirstFd);
  ended.err = fcntl(err[0], F_DUPFD_CLOEXEC, kFirstFd);
  close(out[0]);
  close(err[0]);
  start_logger(container, ended);
  pollfd over{ended.process, POLLIN, 0};
  if (ended.process >= 0 && poll(&over, 1, kReleaseMillis) == 1) {
    siginfo_t info{};
    waitid(P_PIDFD, static_cast<id_t>(ended.process), &info, WEXITED);
  }
  close_all(ended);
  std::error_code ignored;
  std::filesystem::remove_all(state, ignored);
}

std::vector<ContainerId> LoggerKeeper::at_work_except(const std::set<ContainerId>& keep) const {
  std::vector<ContainerId> out;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(state_dir_, ignored)) {
    ContainerId id{entry.path().filename().string()};
    if (!keep.contains(id) && living_logger(entry.path().string()) > 0) out.push_back(std::move(id));
  }
  return out;
}

pid_t LoggerKeeper::logger_of(const ContainerId& container) const {
  return std::max<pid_t>(0, living_logger(state_path(container)));
}

void LoggerKeeper::finish_all_except(const std::set<ContainerId>& keep) const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(state_dir_, ignored)) {
    const ContainerId id{entry.path().filename().string()};
    if (!keep.contains(id)) finish(id);
  }
}

void LoggerKeeper::start_logger(const ContainerId& container, Watched& watched) const {
  std::vector<std::string> words = {logger_};
  for (const auto& [key, value] : arguments(container)) words.insert(words.end(), {key, value});
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, watched.out, 3);
  posix_spawn_file_actions_adddup2(&files, watched.err, 4);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, logger_.c_str(), &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    spdlog::error("the logger of container {} cannot be started: {}", container.value, std::strerror(error));
    return;
  }
  watched.process = pidfd_open(pid);
  watched.started = steady_now();
}

/// Its logger ended: either everything was said, or another one is due.
void LoggerKeeper::bury(const ContainerId& container) {
  auto& watched = watched_.at(container);
  siginfo_t info{};
  waitid(P_PIDFD, static_cast<id_t>(watched.process), &info,
         WEXITED | WNOHANG);  // ours only if we started it
  close(watched.process);
  watched.process = -1;
  if (ended(watched)) {
    close_all(watched);
    watched_.erase(container);
    changed_.notify_all();
    return;
  }
  ++watched.deaths;
  watched.early_deaths = steady_now() - watched.started < kEarlyMillis ? watched.early_deaths + 1 : 0;
  watched.start_at = steady_now() + std::min(watched.early_deaths * kPauseMillis, kLongestPauseMillis);
  spdlog::warn("the logger of container {} died (time {}), another one takes over", container.value,
               watched.deaths);
}

/// Starts what is due; milliseconds until the next one is, -1: none. The container waits meanwhile, when its
/// pipe is full.
int LoggerKeeper::start_due() {
  int next = -1;
  for (auto& [id, watched] : watched_) {
    if (watched.process >= 0) continue;
    if (watched.start_at <= steady_now()) start_logger(id, watched);
    if (watched.process >= 0) continue;
    watched.start_at = std::max(watched.start_at, steady_now() + kPauseMillis);
    const int wait = static_cast<int>(watched.start_at - steady_now());
    next = next < 0 ? wait : std::min(next, wait);
  }
  return next;
}

void LoggerKeeper::run() {
  for (;;) {
    std::vector<pollfd> polled = {{wake_, POLLIN, 0}};
    std::vector<ContainerId> ids = {ContainerId{}};
    int timeout = -1;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      timeout = start_due();
      for (const auto& [id, watched] : watched_) {
        polled.push_back({watched.process, POLLIN, 0});
        ids.push_back(id);
      }
    }
    poll(polled.data(), polled.size(), timeout);
    eventfd_t ignored = 0;
    eventfd_read(wake_, &ignored);
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 1; i < polled.size(); ++i) {
      const auto found = watched_.find(ids[i]);
      if (polled[i].revents != 0 && found != watched_.end() && found->second.process == polled[i].fd)
        bury(ids[i]);
    }
  }
}

}  // namespace cloudless::runtime
