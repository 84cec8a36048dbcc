// Exec questions: at most a few commands run at once on the node, so that probes that hang leave room for
// what people run. Others wait in line; their time begins when they have a place.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "actors/runtime/prober/probe_text.hpp"

namespace cloudless::runtime {

/// RuntimePort::exec.
using RunExec = std::function<GiveUp(ContainerId container, ExecQuery query, Done<ExecResult> done)>;

class ExecDesk {
 public:
  static constexpr std::size_t kPlaces = 8;

  explicit ExecDesk(RunExec run);
  /// Commands under way are given up; those that wait are answered with `unknown`.
  ~ExecDesk();
  ExecDesk(const ExecDesk&) = delete;
  ExecDesk& operator=(const ExecDesk&) = delete;

  GiveUp ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done);

 private:
  class Room;
  std::shared_ptr<Room> room_;  ///< late answers find it still
};

}  // namespace cloudless::runtime
