// Keeps the kernel quick at moving processes into control groups, as every OCI runtime does for every
// container and command. The lock for such moves favours fork and exit: the first move after some 20 ms
// without one waits for an RCU grace period, 5 to 15 ms, and those that follow do not wait. So while
// something is being started, this process is moved to where it is already, again and again, and the wait is
// over before the runtime comes to it (decision record 49). Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace cloudless::runtime {

class QuickMoves {
 public:
  /// `root` is where the hierarchies are mounted, `own` what the kernel says of the groups of this process; a
  /// test gives a folder and a file of its own. Where the own group cannot be written to, nothing is done.
  explicit QuickMoves(const std::string& root = "/sys/fs/cgroup",
                      const std::string& own = "/proc/self/cgroup");
  ~QuickMoves();
  QuickMoves(const QuickMoves&) = delete;
  QuickMoves& operator=(const QuickMoves&) = delete;

  /// Moves are quick, a grace period from now, until what is returned goes; it goes before this does.
  [[nodiscard]] std::shared_ptr<void> keep();

 private:
  void work();

  std::string file_;  ///< empty: nothing is done
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t keepers_ = 0;
  bool finished_ = false;
  std::thread thread_;  ///< started when it is needed first
};

}  // namespace cloudless::runtime
