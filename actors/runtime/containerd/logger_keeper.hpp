// Keeps the log of every container flowing. The shim starts cloudless-logger; when that one dies, the pipe
// would close and the container would be killed by its own output. So this holds the pipe's ends open too,
// and starts a new logger on them. Has one thread of its own; thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "actors/runtime/containerd/options.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/ids.hpp"

namespace cloudless::runtime {

class LoggerKeeper {
 public:
  /// `logger`: path of the program; logs are <log_dir>/<container>.log (and .log.1, ...), and below
  /// `state_dir` a folder per container holds what a logger must not lose when it is killed.
  LoggerKeeper(std::string logger, std::string log_dir, std::string state_dir, const LogLimits& limits);
  ~LoggerKeeper();
  LoggerKeeper(const LoggerKeeper&) = delete;
  LoggerKeeper& operator=(const LoggerKeeper&) = delete;

  /// INVALID_ARGUMENT / FAILED_PRECONDITION when the program or a folder is not usable.
  Result<bool> usable() const;
  std::string log_path(const ContainerId& container) const;
  /// What containerd is told to send a task's output to.
  std::string uri(const ContainerId& container) const;
  /// From when the task exists: a logger that dies is replaced. Nothing happens if none is found.
  void watch(const ContainerId& container);
  /// After the task was deleted: waits until everything is in the log (at most 2 s), then forgets.
  void release(const ContainerId& container);
  /// Containers that are not in `keep` and have a logger that lives.
  std::vector<ContainerId> at_work_except(const std::set<ContainerId>& keep) const;
  /// The process that writes its log; 0: none lives.
  pid_t logger_of(const ContainerId& container) const;
  /// Writes what loggers that were killed have left, of containers that are not in `keep`, and forgets them.
  void finish_all_except(const std::set<ContainerId>& keep) const;

 private:
  struct Watched {
    int process = -1;  // pidfd of the logger
    int out = -1;      // the container's output, to be read by no one but loggers
    int err = -1;
    int deaths = 0;
    int early_deaths = 0;       // in a row, soon after the start
    std::int64_t started = 0;   // by a steady clock, in milliseconds
    std::int64_t start_at = 0;  // while there is no process: when the next one is due
  };

  std::string state_path(const ContainerId& container) const;
  std::vector<std::pair<std::string, std::string>> arguments(const ContainerId& container) const;
  bool open_logger(const ContainerId& container, Watched& watched) const;
  void start_logger(const ContainerId& container, Watched& watched) const;
  void finish(const ContainerId& container) const;
  void run();
  void bury(const ContainerId& container);
  int start_due();
  static void close_all(Watched& watched);
  static bool ended(const Watched& watched);

  const std::string logger_;
  const std::string log_dir_;
  const std::string state_dir_;
  const LogLimits limits_;
  int wake_ = -1;  // eventfd
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<ContainerId, Watched> watched_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cloudless::runtime
