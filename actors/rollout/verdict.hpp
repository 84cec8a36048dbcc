// Whether a rollout is over, and when that may change though nothing happens: the deadlines of a rollout.
// Pure; part of step().
#pragma once

#include "actors/rollout/census.hpp"
#include "actors/rollout/step.hpp"

namespace cloudless::rollout {

/// Keeps the earliest moment that is still to come.
class Alarm {
 public:
  explicit Alarm(Millis now) : now_(now) {}
  /// True if `at` has come already.
  bool is_due(Millis at) {
    if (at <= now_) return true;
    if (!next_ || at < *next_) next_ = at;
    return false;
  }
  std::optional<Millis> next() const { return next_; }

 private:
  Millis now_;
  std::optional<Millis> next_;
};

/// `switching`: this step makes the current version the one that serves.
Verdict judge(const WorkloadView& view, const Census& census, bool switching, Millis now, Alarm& alarm);

/// The canary has its size and all of it is available: it waits for promotion.
bool canary_waits(const WorkloadView& view, const Census& census);
/// It has waited long enough to be promoted by itself.
bool canary_is_good(const WorkloadView& view, const Census& census, Millis now, Alarm& alarm);

}  // namespace cloudless::rollout
