// The processes that one exec started, so that all of them can be ended: a control group of its own below the
// container's, in whichever hierarchy there is. Children are born into it, whatever they do afterwards; what
// the command started before it was moved there is found by descent, and by a variable of its environment.
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
  /// `mark` ("NAME=value"): what the environment of all that it started has.
  ExecGroup(pid_t pid, const std::string& name, const std::string& mark);
  /// A group that an agent before this one made; without processes if it cannot be one.
  explicit ExecGroup(const std::string& directory);

  /// Ends everything on the machine whose environment has this mark, for a group that was never told of.
  static void kill_marked(const std::string& mark);

  /// Nobody is in it.
  bool empty() const;
  /// Ends everything in it, and what descends from its process; returns when nothing is left, or after a
  /// second.
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
