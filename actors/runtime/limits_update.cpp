#include "actors/runtime/limits_update.hpp"

namespace cloudless::runtime {

void LimitsUpdate::started_with(const ResourceLimits& limits) {
  *this = {};
  running_ = true;
  in_force_ = limits;
}

void LimitsUpdate::found_running() {
  *this = {};
  running_ = true;
}

void LimitsUpdate::ended() {
  *this = {};
}

std::optional<ResourceLimits> LimitsUpdate::next(const ResourceLimits& wanted, Millis now) {
  if (!running_ || asked_) return std::nullopt;
  if (in_force_ == wanted) {
    refused_.reset();
    refusal_.clear();
    again_at_.reset();
    return std::nullopt;
  }
  if (again_at_ && *again_at_ > now && (!refused_ || *refused_ == wanted)) return std::nullopt;
  again_at_.reset();
  asked_ = wanted;
  return wanted;
}

void LimitsUpdate::answered(const std::optional<Error>& error, Millis now, Millis retry) {
  if (!asked_) return;
  if (!error) {
    in_force_ = asked_;
    refused_.reset();
    refusal_.clear();
  } else if (error->code == Errc::unavailable || error->code == Errc::deadline_exceeded ||
             error->code == Errc::cancelled || error->code == Errc::not_found) {
    in_force_
        .reset();  // it may have been carried out; or the container has ended, and that is yet to be heard
    again_at_ = now + retry;
  } else {
    refused_ = asked_;
    refusal_ = "limits not in force: " + error->message;
    again_at_ = now + kLimitsRetry;
  }
  asked_.reset();
}

}  // namespace cloudless::runtime
