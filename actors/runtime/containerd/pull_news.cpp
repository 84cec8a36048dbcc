#include "actors/runtime/containerd/pull_news.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::runtime {
namespace {

constexpr Millis kTellAtMostEvery = 2000;
constexpr Millis kFirstPause = 500;
constexpr Millis kLongestPause = 30000;
constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kKiB = 1 << 10;

}  // namespace

std::optional<std::string> PullNews::tell(std::int64_t done, std::int64_t total, Millis now) {
  if (done > done_) moved_at_ = now;
  done_ = done;
  total_ = total;
  if (total <= 0 || now - told_at_ < kTellAtMostEvery || done - told_ < (total + 9) / 10) return std::nullopt;
  told_at_ = now;
  told_ = done;
  const bool small = total < 10 * kMiB;
  const std::int64_t unit = small ? kKiB : kMiB;
  return "pulling, " + std::to_string(done / unit) + " of " + std::to_string((total + unit - 1) / unit) +
         (small ? " KiB" : " MiB");
}

bool PullNews::stalled(Millis limit, Millis now) const {
  // Once all is there it is unpacked, which moves no byte over the network.
  return (total_ == 0 || done_ < total_) && now - moved_at_ >= limit;
}

void PullPause::failed(Error error, Millis now) {
  Millis pause = kFirstPause;
  for (std::uint32_t n = 0; n < failures_ && pause < kLongestPause; ++n) pause *= 2;
  ++failures_;
  until_ = now + std::min(pause, kLongestPause);
  error_ = std::move(error);
}

std::optional<Error> PullPause::refusal(Millis now) const {
  return now < until_ ? std::optional(error_) : std::nullopt;
}

}  // namespace cloudless::runtime
