// How a change of the template reaches the replicas, and the whole numbers that follow from it for a number
// of replicas. Owner, rollout, gateway and simulator must all count the same way, so the arithmetic is here.
#pragma once

#include <cstdint>
#include <optional>

#include "messages/domain/time.hpp"

namespace cloudless {

enum class RolloutStrategy : std::uint8_t { rolling_update = 1, recreate = 2, blue_green = 3 };

struct IntOrPercent {
  std::uint32_t value = 0;
  bool percent = false;
  bool operator==(const IntOrPercent&) const = default;
};

/// A few replicas of the new version first, then wait for promotion.
struct Canary {
  IntOrPercent replicas{1, false};      ///< a share is rounded up; at least 1
  std::optional<Millis> promote_after;  ///< without a failure for so long; absent: only by hand
  bool operator==(const Canary&) const = default;
};

/// Not part of the template.
struct RolloutPolicy {
  RolloutStrategy strategy = RolloutStrategy::rolling_update;
  std::optional<IntOrPercent> max_surge;        ///< rounded up; absent: 25 %
  std::optional<IntOrPercent> max_unavailable;  ///< rounded down; absent: what min_available leaves
  std::optional<std::uint32_t> min_available;   ///< an explicit 0 is 0
  Millis pause_duration = 0;                    ///< between batches
  Millis min_ready = 0;                         ///< how long a replica is ready before it counts
  Millis progress_deadline = 600'000;           ///< without progress for so long the rollout fails
  bool auto_rollback = true;
  std::optional<Canary> canary;
  Millis switch_back_window = 300'000;  ///< BLUE_GREEN: how long the old set is kept
  Millis ready_timeout = 60'000;        ///< from RUNNING to ready, beside what the startup probe allows
  std::uint32_t history_limit = 10;     ///< unused versions that are kept
  bool operator==(const RolloutPolicy&) const = default;
};

/// What a policy means for this many replicas.
struct RolloutBounds {
  /// Must stay available through everything voluntary: the given one; else replicas - max_unavailable; else
  /// max(1, replicas - 1). 0 to replicas.
  std::uint32_t min_available = 0;
  std::uint32_t max_unavailable = 0;  ///< never more than min_available leaves
  std::uint32_t max_surge = 0;        ///< replicas + max_surge never overflows
  std::uint32_t batch = 1;            ///< replaced at a time; at least 1
  bool surge_raised = false;          ///< the spec says 0, but min_available leaves no other way than 1 more
  bool operator==(const RolloutBounds&) const = default;
};
RolloutBounds bounds_of(const RolloutPolicy& policy, std::uint32_t replicas);

/// Available replicas that may be stopped: max(0, available - min_available).
std::uint32_t safe_stops(std::uint32_t available, std::uint32_t min_available);

/// Replicas of the new version before promotion; 1 to replicas, 0 if there are none.
std::uint32_t canary_size(const Canary& canary, std::uint32_t replicas);

}  // namespace cloudless
