#include "messages/domain/rollout_policy.hpp"

#include <algorithm>

namespace cloudless {
namespace {

std::uint32_t rounded_down(const IntOrPercent& amount, std::uint32_t of) {
  return amount.percent ? static_cast<std::uint32_t>(std::uint64_t{of} * amount.value / 100) : amount.value;
}
std::uint32_t rounded_up(const IntOrPercent& amount, std::uint32_t of) {
  return amount.percent ? static_cast<std::uint32_t>((std::uint64_t{of} * amount.value + 99) / 100)
                        : amount.value;
}

constexpr IntOrPercent kQuarter{25, true};

std::uint32_t min_available_of(const RolloutPolicy& policy, std::uint32_t replicas) {
  if (policy.min_available) return std::min(*policy.min_available, replicas);
  if (policy.max_unavailable) {
    const auto away = rounded_down(*policy.max_unavailable, replicas);
    return away >= replicas ? 0 : replicas - away;
  }
  return std::min(replicas, std::max<std::uint32_t>(1, replicas - std::min<std::uint32_t>(1, replicas)));
}

/// What the spec names decides; where it names nothing, a quarter.
std::uint32_t batch_of(const RolloutPolicy& policy, const RolloutBounds& bounds, std::uint32_t replicas) {
  const bool names_unavailable = policy.max_unavailable || policy.min_available;
  const std::uint32_t unavailable = names_unavailable ? bounds.max_unavailable : 0;
  const std::uint32_t surge = policy.max_surge ? bounds.max_surge : 0;
  const std::uint32_t named = std::max(unavailable, surge);
  return std::max<std::uint32_t>(1, named > 0 ? named : rounded_down(kQuarter, replicas));
}

}  // namespace

RolloutBounds bounds_of(const RolloutPolicy& policy, std::uint32_t replicas) {
  RolloutBounds out;
  out.min_available = min_available_of(policy, replicas);
  const std::uint32_t room = replicas - out.min_available;
  out.max_unavailable =
      policy.max_unavailable ? std::min(rounded_down(*policy.max_unavailable, replicas), room) : room;
  out.max_surge = rounded_up(policy.max_surge.value_or(kQuarter), replicas);
  if (out.max_surge == 0 && out.max_unavailable == 0 && replicas > 0) {
    out.max_surge = 1;
    out.surge_raised = policy.max_surge.has_value();
  }
  out.max_surge = std::min(out.max_surge, UINT32_MAX - replicas);
  out.batch = batch_of(policy, out, replicas);
  return out;
}

std::uint32_t safe_stops(std::uint32_t available, std::uint32_t min_available) {
  return available > min_available ? available - min_available : 0;
}

std::uint32_t canary_size(const Canary& canary, std::uint32_t replicas) {
  return std::min(replicas, std::max<std::uint32_t>(1, rounded_up(canary.replicas, replicas)));
}

}  // namespace cloudless
