// How much a container may write to its log: a bucket of bytes that fills at a steady rate. Pure; time comes
// as an argument.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cloudless::logger {

class Budget {
 public:
  /// `rate`: bytes a second, 0 for no limit. It begins full: four seconds' worth may come at once.
  explicit Budget(std::uint64_t rate) : rate_(static_cast<std::int64_t>(rate)), left_(kBurst * rate_) {}

  bool limited() const { return rate_ > 0; }
  /// Whether lines are dropped now. Once spent, it stays so until half a second's worth has come back: whole
  /// stretches of lines are kept and dropped, not every other line.
  bool exceeded(std::int64_t now_nanos) {
    fill(now_nanos);
    if (left_ <= 0) exceeded_ = limited();
    if (left_ >= rate_ / 2) exceeded_ = false;
    return exceeded_;
  }
  void spend(std::uint64_t bytes) { left_ -= limited() ? static_cast<std::int64_t>(bytes) : 0; }

 private:
  static constexpr std::int64_t kBurst = 4;
  static constexpr std::int64_t kNanos = 1'000'000'000;

  void fill(std::int64_t now_nanos) {
    const auto passed = std::clamp<std::int64_t>(now_nanos - filled_at_, 0, kBurst * kNanos);
    const auto gained =
        static_cast<std::int64_t>(static_cast<double>(passed) * static_cast<double>(rate_) / kNanos);
    if (gained == 0) return;  // a little later it is more than nothing
    left_ = std::min(kBurst * rate_, left_ + gained);
    filled_at_ = now_nanos;
  }

  std::int64_t rate_;
  std::int64_t left_;
  std::int64_t filled_at_ = 0;
  bool exceeded_ = false;
};

}  // namespace cloudless::logger
