// Where a running container's limits stand against what its workload wants now. Pure; a part of lifecycle,
// which carries the updates out and tells the answers. Always holds: one update is under way at a time, the
// newest wish wins, and a wish that is in force is not asked for again.
#pragma once

#include <optional>
#include <string>

#include "messages/domain/error.hpp"
#include "messages/domain/resources.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

/// A refused update is tried again after this long: what stood in its way may have gone.
constexpr Millis kLimitsRetry = 15000;

class LimitsUpdate {
 public:
  /// The container starts with these.
  void started_with(const ResourceLimits& limits);
  /// The container was found running: what is in force is not known.
  void found_running();
  /// There is no running container.
  void ended();

  /// What to ask for now; absent: nothing, or not yet.
  std::optional<ResourceLimits> next(const ResourceLimits& wanted, Millis now);
  /// The answer to what was asked for. A runtime that is away, or knows no such container, is asked again
  /// after `retry`.
  void answered(const std::optional<Error>& error, Millis now, Millis retry);

  /// Why what is wanted is not in force, in words; empty: it is, or soon will be.
  const std::string& refusal() const { return refusal_; }
  std::optional<Millis> deadline() const { return again_at_; }

 private:
  bool running_ = false;
  std::optional<ResourceLimits> in_force_;
  std::optional<ResourceLimits> asked_;
  std::optional<ResourceLimits> refused_;
  std::optional<Millis> again_at_;
  std::string refusal_;
};

}  // namespace cloudless::runtime
