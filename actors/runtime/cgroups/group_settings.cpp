#include "actors/runtime/cgroups/group_settings.hpp"

#include <algorithm>

namespace cloudless::runtime {
namespace {

constexpr std::int64_t kMinShares = 2;
constexpr std::int64_t kMaxShares = 262144;
constexpr std::int64_t kMinQuotaMicros = 1000;  // the kernel refuses less

}  // namespace

std::int64_t cpu_shares(std::int64_t cpu_millicores) {
  return std::clamp(cpu_millicores * 1024 / 1000, kMinShares, kMaxShares);
}

std::int64_t cpu_quota(std::int64_t cpu_millicores) {
  return std::max(cpu_millicores * kCpuPeriodMicros / 1000, kMinQuotaMicros);
}

std::vector<GroupSetting> node_settings(CgroupLayout layout, std::int64_t cpu_millicores,
                                        std::int64_t memory_bytes) {
  const auto period = std::to_string(kCpuPeriodMicros);
  const auto quota = cpu_millicores > 0 ? std::to_string(cpu_quota(cpu_millicores)) : std::string{};
  const auto memory = memory_bytes > 0 ? std::to_string(memory_bytes) : std::string{};
  if (layout == CgroupLayout::v2)
    return {{"cpu", "cpu.max", (quota.empty() ? "max" : quota) + " " + period},
            {"memory", "memory.max", memory.empty() ? "max" : memory}};
  return {{"cpu", "cpu.cfs_period_us", period},
          {"cpu", "cpu.cfs_quota_us", quota.empty() ? "-1" : quota},
          {"memory", "memory.limit_in_bytes", memory.empty() ? "-1" : memory}};
}

std::vector<GroupSetting> namespace_settings(CgroupLayout layout, std::int64_t cpu_millicores) {
  const auto shares = cpu_shares(cpu_millicores);
  if (layout == CgroupLayout::v1) return {{"cpu", "cpu.shares", std::to_string(shares)}};
  // As runc converts shares of a container: 2-262144 become 1-10000.
  const auto weight = 1 + (shares - kMinShares) * 9999 / (kMaxShares - kMinShares);
  return {{"cpu", "cpu.weight", std::to_string(weight)}};
}

}  // namespace cloudless::runtime
