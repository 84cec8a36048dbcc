#include "actors/runtime/usage_book.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::runtime {
namespace {

/// (after - before) per second, in units of `divisor`; 0 when the counter went back.
std::uint64_t rate_of(std::uint64_t before, std::uint64_t after, Millis window, std::uint64_t divisor = 1) {
  if (after < before) return 0;
  const auto per_second =
      static_cast<unsigned __int128>(after - before) * 1000 / static_cast<std::uint64_t>(window);
  return static_cast<std::uint64_t>(per_second / divisor);
}

UsageRates rates(const UsageCounters& before, const UsageCounters& after, Millis window) {
  constexpr std::uint64_t kNanosPerMillicore = 1'000'000;
  return {rate_of(before.cpu_nanos, after.cpu_nanos, window, kNanosPerMillicore),
          rate_of(before.network_received_bytes, after.network_received_bytes, window),
          rate_of(before.network_sent_bytes, after.network_sent_bytes, window),
          rate_of(before.disk_read_bytes, after.disk_read_bytes, window),
          rate_of(before.disk_written_bytes, after.disk_written_bytes, window)};
}

}  // namespace

UsageBook::UsageBook(NodeId node) {
  usage_.node = std::move(node);
}

void UsageBook::take(const std::vector<ContainerUsage>& seen, Millis steady, WallMillis wall) {
  const Millis window = steady - before_at_;
  std::map<ContainerId, UsageCounters> now;
  std::vector<ReplicaUsage> replicas;
  replicas.reserve(seen.size());
  for (const auto& container : seen) {
    ReplicaUsage usage{container, {}, 0};
    const auto before = before_.find(container.container);
    if (before != before_.end() && window > 0) {
      usage.rate = rates(before->second, container.total, window);
      usage.window = window;
    }
    now.emplace(container.container, container.total);
    replicas.push_back(std::move(usage));
  }
  std::sort(replicas.begin(), replicas.end(),
            [](const auto& a, const auto& b) { return a.now.container < b.now.container; });
  before_ = std::move(now);
  before_at_ = steady;
  usage_.sampled_at = wall;
  usage_.replicas = std::move(replicas);
}

}  // namespace cloudless::runtime
