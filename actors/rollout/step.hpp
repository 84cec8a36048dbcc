// One step of a rollout, and of keeping the number of replicas: what to start, what to stop, what to switch,
// whether it is over, and when to look again. A pure function of the view and the time; all state is in the
// records, so it goes on after a crash at any point. Called by reconcile(). Voluntary stops stay above the
// effective min_available of this view, after the other stops of the step; what is started stays below
// replicas + max_surge (BLUE_GREEN: twice the replicas).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "actors/rollout/workload_view.hpp"

namespace cloudless::rollout {

/// How long a rollout's mark may be behind while a deadline is waited for.
inline constexpr Millis kMarkEvery = 30'000;

struct Start {
  std::uint64_t version = 0;  ///< the current one, or the one that the rollout comes from
  std::uint32_t count = 0;    ///< at least 1
};

struct Stop {
  std::size_t replica = 0;  ///< in WorkloadView::facts
  StopCause cause = StopCause::none;
};

enum class Failure : std::uint8_t {
  none,
  deadline,     ///< no progress for progress_deadline
  never_ready,  ///< a replica runs and did not become ready in time
  ended,        ///< a replica failed for good
};

struct Verdict {
  RolloutState state = RolloutState::active;  ///< active: goes on; completed; failed
  Failure failure = Failure::none;
  std::optional<std::size_t> replica;  ///< the newest one that stands for the failure, in WorkloadView::facts
  std::uint64_t back_to = 0;           ///< the version that the next rollout goes to; 0: none
};

struct Step {
  std::vector<Start> starts;
  std::vector<Stop> stops;                 ///< in the order in which they should be judged
  std::optional<std::uint64_t> switch_to;  ///< only this version serves from now on; 0: all do
  bool promote = false;                    ///< the canary was good for long enough
  bool mark = false;                       ///< the time is to be noted
  Verdict verdict;
  std::optional<Millis> wake_at;  ///< later than now: something may change then, though nothing is reported
};

Step step(const WorkloadView& view, Millis now);

}  // namespace cloudless::rollout
