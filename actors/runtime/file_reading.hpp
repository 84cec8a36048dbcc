// One reading of the logs of a replica or a container, over attempts and over the files of each, under
// credit. The follower's thread advances it step by step; it never holds more than a piece of a file (a tail:
// up to 64 MiB while it is looked for).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/runtime/container_log.hpp"
#include "actors/runtime/log_reader.hpp"
#include "actors/runtime/log_store.hpp"

namespace cloudless::runtime {

/// Containers of a replica whose logs are in this folder, in the order of its attempts, at most the newest
/// 100.
std::vector<ContainerId> kept_containers(const std::string& dir, const ReplicaId& replica);

class FileReading {
 public:
  enum class Progress {
    more,     ///< advance again
    waiting,  ///< for the file to grow, or for a new file
    stalled,  ///< for credit
    ended,
  };

  FileReading(std::string dir, LogRequest request, std::function<void(LogBatch)> deliver);

  Progress advance();
  void grant(std::uint64_t bytes) { request_.credit += bytes; }
  void add_container(ContainerId container);
  void finish() { request_.more_may_come = false; }
  bool follows() const { return request_.more_may_come; }
  /// The file that is read now; empty: none.
  std::string path() const { return log_ && log_->is_open() ? log_->path() : std::string{}; }

 private:
  void begin();
  void find_end();
  void find_tail(std::uint32_t count);
  void find_position(const LogPosition& after);
  bool open();
  bool open(ContainerLog& log, std::uint32_t number);
  Progress read();
  Progress end_of_file();
  Progress next_file();
  Progress next_container();
  Progress wait();
  Progress tell_lost();
  void end();
  bool in_last_file() const { return last_ && at_ == last_->container && log_->number() >= last_->file; }
  const ContainerId& container() const { return request_.containers[at_]; }
  std::uint64_t lines_lost(LineCounts from, LineCounts to) const;

  const std::string dir_;
  LogRequest request_;
  LogFilter filter_;
  std::function<void(LogBatch)> deliver_;
  std::size_t at_ = 0;                 ///< of request_.containers
  std::unique_ptr<ContainerLog> log_;  ///< of container()
  std::uint64_t offset_ = 0;           ///< in its file
  bool final_ = false;                 ///< the file does not grow any more
  /// Without follow: a container that writes faster than it is read must not keep the reading for ever.
  struct Last {
    std::size_t container = 0;
    std::uint32_t file = 0;
    std::uint64_t size = 0;
  };
  std::optional<Last> last_;     ///< what there was at the beginning
  std::optional<LogLine> lost_;  ///< lines that were rotated away, not told yet
  bool begun_ = false;
  bool found_ = false;  ///< some file was there
  bool caught_up_ = false;
  bool ended_ = false;
};

}  // namespace cloudless::runtime
