#include "messages/codec/check_rollout.hpp"

#include <cstdint>

#include "messages/codec/bounds.hpp"

namespace cloudless::codec {
namespace {

constexpr std::uint64_t kSecond = 1000;
constexpr std::uint32_t kMaxHistory = 100;

using Policy = api::RolloutPolicy;

bool is_zero(const api::IntOrPercent& amount) {
  return amount.absolute() == 0 && amount.percent() == 0;
}

void check_amount(const api::IntOrPercent& amount, const std::string& path, Violations& v) {
  switch (amount.value_case()) {
    case api::IntOrPercent::kAbsolute:
      return v.check_range(path + ".absolute", amount.absolute(), 0, kMaxReplicas);
    case api::IntOrPercent::kPercent:
      return v.check_range(path + ".percent", amount.percent(), 0, 100);
    case api::IntOrPercent::VALUE_NOT_SET:
      return v.add(path, "must be either absolute or percent");
  }
}

void check_canary(const Policy& rollout, const std::string& path, Violations& v) {
  const auto& canary = rollout.canary();
  if (canary.has_replicas()) {
    check_amount(canary.replicas(), path + ".replicas", v);
    if (canary.replicas().value_case() != api::IntOrPercent::VALUE_NOT_SET && is_zero(canary.replicas()))
      v.add(path + ".replicas", "is 0; a canary is at least 1 replica, leave canary out for none");
  }
  if (canary.has_promote_after_ms())
    v.check_range(path + ".promote_after_ms", canary.promote_after_ms(), 0, kDay);
  if (rollout.strategy() == Policy::RECREATE || rollout.strategy() == Policy::BLUE_GREEN)
    v.add(path, "goes with strategy ROLLING_UPDATE only; leave one of them out");
}

/// Nothing above the wanted number and nothing below it: nothing could ever be replaced.
void check_it_can_move(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  const auto& rollout = spec.rollout();
  if (!rollout.has_max_surge() || !is_zero(rollout.max_surge())) return;
  if (rollout.has_max_unavailable() && is_zero(rollout.max_unavailable()))
    return v.add(path + ".max_surge",
                 "and max_unavailable are both 0, so nothing could ever be replaced; raise one of them");
  const std::uint32_t replicas = spec.has_replicas() ? spec.replicas() : 1;
  if (replicas > 0 && rollout.has_min_available() && rollout.min_available() == replicas)
    v.add(path + ".max_surge", "is 0 while min_available is all " + std::to_string(replicas) +
                                   " replicas, so nothing could ever be replaced; raise max_surge, or lower "
                                   "min_available");
}

}  // namespace

void check_rollout(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  const auto& rollout = spec.rollout();
  if (!Policy::Strategy_IsValid(rollout.strategy()))
    v.add(path + ".strategy", "is " + std::to_string(rollout.strategy()) +
                                  ", which is not a known strategy (ROLLING_UPDATE, RECREATE, BLUE_GREEN)");
  if (rollout.has_max_surge()) check_amount(rollout.max_surge(), path + ".max_surge", v);
  if (rollout.has_max_unavailable()) check_amount(rollout.max_unavailable(), path + ".max_unavailable", v);
  if (rollout.has_min_available())
    v.check_range(path + ".min_available", rollout.min_available(), 0, kMaxReplicas);
  if (rollout.strategy() == Policy::STRATEGY_UNSPECIFIED || rollout.strategy() == Policy::ROLLING_UPDATE)
    check_it_can_move(spec, path, v);
  v.check_range(path + ".pause_duration_ms", rollout.pause_duration_ms(), 0, kDay);
  v.check_range(path + ".min_ready_ms", rollout.min_ready_ms(), 0, kHour);
  if (rollout.has_progress_deadline_ms())
    v.check_range(path + ".progress_deadline_ms", rollout.progress_deadline_ms(), kSecond, kDay);
  if (rollout.has_ready_timeout_ms())
    v.check_range(path + ".ready_timeout_ms", rollout.ready_timeout_ms(), kSecond, kDay);
  if (rollout.has_switch_back_window_ms())
    v.check_range(path + ".switch_back_window_ms", rollout.switch_back_window_ms(), 0, kDay);
  if (rollout.has_history_limit())
    v.check_range(path + ".history_limit", rollout.history_limit(), 0, kMaxHistory);
  if (rollout.has_canary()) check_canary(rollout, path + ".canary", v);
}

}  // namespace cloudless::codec
