#include "actors/runtime/containerd/oci_resources.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "actors/runtime/cgroups/group_settings.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::int64_t kUnlimited = -1;

std::int64_t quota_within(std::int64_t cpu_millicores, std::int64_t node_cpu_millicores) {
  return cpu_quota(node_cpu_millicores > 0 ? std::min(cpu_millicores, node_cpu_millicores) : cpu_millicores);
}

}  // namespace

nlohmann::json cgroup_resources(const Resources& requests, const ResourceLimits& limits,
                                std::int64_t node_cpu_millicores) {
  nlohmann::json cpu = {{"shares", cpu_shares(requests.cpu_millicores)}};
  if (limits.cpu_millicores) {
    cpu["period"] = kCpuPeriodMicros;
    cpu["quota"] = quota_within(*limits.cpu_millicores, node_cpu_millicores);
  }
  nlohmann::json out = {{"pids", {{"limit", limits.pids.value_or(kDefaultPidsLimit)}}},
                        {"cpu", std::move(cpu)}};
  if (limits.memory_bytes) out["memory"] = {{"limit", *limits.memory_bytes}};
  return out;
}

nlohmann::json limit_resources(const ResourceLimits& limits, std::int64_t node_cpu_millicores) {
  const auto quota =
      limits.cpu_millicores ? quota_within(*limits.cpu_millicores, node_cpu_millicores) : kUnlimited;
  return {{"cpu", {{"period", kCpuPeriodMicros}, {"quota", quota}}},
          {"memory", {{"limit", limits.memory_bytes.value_or(kUnlimited)}}},
          {"pids", {{"limit", limits.pids.value_or(kDefaultPidsLimit)}}}};
}

}  // namespace cloudless::runtime
