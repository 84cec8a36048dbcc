// The processes that one exec started, so that all of them can be ended: a control group of its own below the
// container's, in whichever hierarchy there is. Children are born into it, whatever they do afterwards; what the
// command did before it was moved there is found by descent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace cloudless::runtime {

class ExecGroup {
 public:
  /// Without processes.
  ExecGroup() = default;
  /// Moves the process, and what it started already, into a new group. Without such a hierarchy, or when the
  /// process has ended, it knows the process only.
  ExecGroup(pid_t pid, const std::string& name);
  /// A group that an agent before this one made; without processes if it cannot be one.
  explicit ExecGroup(const std::string& directory);

  /// Nobody is in it.
  bool empty() const;
  /// Ends everything in it, and what descends from its process; returns when nothing is left, or after a second.
  void kill() const;
  /// Once it is empty.
  void remove() const;
  /// Below /sys/fs/cgroup; empty: there is none.
  const std::string& directory() const { return directory_; }

 private:
  pid_t pid_ = 0;
  std::uint64_t born_ = 0;
  std::string directory_;
};

}  // namespace cloudless::runtime
