// Runs one command in a running container and collects what it says. Blocking.
#pragma once

#include <atomic>
#include <string>

#include "actors/runtime/containerd/client.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/session.hpp"

namespace cloudless::runtime {

/// Whether somebody still waits for a command. Told by any thread, once or more often.
class Abandonment {
 public:
  Abandonment();
  ~Abandonment();
  Abandonment(const Abandonment&) = delete;
  Abandonment& operator=(const Abandonment&) = delete;
  void declare();
  bool declared() const { return declared_; }
  /// Readable once it is declared.
  int event() const { return event_; }

 private:
  std::atomic<bool> declared_ = false;
  int event_;
};

/// `state_dir`: where pipes are made for the time being. The process is killed when query.timeout is over, or
/// when it is abandoned.
/// NOT_FOUND or FAILED_PRECONDITION when the container does not run, or the command is not in it.
Result<ExecResult> run_exec(Client& client, const std::string& state_dir, const ExecQuery& query,
                            const Abandonment& abandoned);

/// Removes pipes that an agent left when it was killed. Nothing must be under way.
void forget_execs(const std::string& state_dir);

}  // namespace cloudless::runtime
