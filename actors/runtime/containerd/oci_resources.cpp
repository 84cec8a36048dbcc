#include "actors/runtime/containerd/oci_resources.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cloudless::runtime {
namespace {

constexpr std::int64_t kCpuPeriodMicros = 100000;
constexpr std::int64_t kMinCpuQuotaMicros = 1000;  // the kernel refuses less

}  // namespace

nlohmann::json cgroup_resources(const Template& pod) {
  nlohmann::json cpu = {
      {"shares", std::clamp<std::int64_t>(pod.requests.cpu_millicores * 1024 / 1000, 2, 262144)}};
  if (pod.limits.cpu_millicores) {
    cpu["period"] = kCpuPeriodMicros;
    cpu["quota"] = std::max(*pod.limits.cpu_millicores * kCpuPeriodMicros / 1000, kMinCpuQuotaMicros);
  }
  nlohmann::json out = {{"pids", {{"limit", kPidsLimit}}}, {"cpu", std::move(cpu)}};
  if (pod.limits.memory_bytes) out["memory"] = {{"limit", *pod.limits.memory_bytes}};
  return out;
}

}  // namespace cloudless::runtime
