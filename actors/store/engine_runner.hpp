// Who runs the engine, and when: store_actor hands over jobs and never blocks. In production a thread of its
// own; in the simulation the calling thread, with virtual delays. Jobs run one at a time, in the order they
// were handed over.
#pragma once

#include <functional>
#include <memory>

#include "actors/store/engine_job.hpp"

namespace cloudless::store {

class EngineRunner {
 public:
  /// Called once per job, from whatever thread ran it.
  using Reply = std::function<void(EngineAnswer)>;

  virtual ~EngineRunner() = default;
  virtual void submit(EngineJob job, Reply reply) = 0;
};

/// Runs jobs on a thread of its own. The destructor lets the job that is running finish, answers it, and
/// drops the others.
std::unique_ptr<EngineRunner> thread_runner(std::unique_ptr<Engine> engine);

/// How long a simulated job takes: the disk is touched after `before`, the answer comes `after` later.
struct EngineDelay {
  Millis before = 0;
  Millis after = 0;
};
/// Calls a function later; never at once.
using Later = std::function<void(Millis, std::function<void()>)>;

/// Runs jobs through `later`, each with the delay that `next_delay` gives.
std::unique_ptr<EngineRunner> delayed_runner(std::unique_ptr<Engine> engine,
                                             std::function<EngineDelay()> next_delay, Later later);

}  // namespace cloudless::store
