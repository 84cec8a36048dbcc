#include "messages/codec/check_resources.hpp"

#include <array>

#include "messages/domain/workload.hpp"

namespace cloudless::codec {
namespace {

/// The kernel's own bound of process numbers.
constexpr std::uint64_t kMostPids = 4'194'304;

struct ResourceAmount {
  const char* name;
  bool present;
  std::uint64_t value;
  std::uint64_t most;
};

std::array<ResourceAmount, 6> resource_amounts(const api::ResourceList& list) {
  constexpr std::uint64_t kMaxBytes = 1ULL << 50;
  return {{{"cpu_millicores", list.has_cpu_millicores(), list.cpu_millicores(), 1'024'000},
           {"memory_bytes", list.has_memory_bytes(), list.memory_bytes(), kMaxBytes},
           {"storage_bytes", list.has_storage_bytes(), list.storage_bytes(), kMaxBytes},
           {"bandwidth_bps", list.has_bandwidth_bps(), list.bandwidth_bps(), 1'000'000'000'000},
           {"gpu_count", list.has_gpu_count(), list.gpu_count(), 64},
           {"gpu_milli", list.has_gpu_milli(), list.gpu_milli(), 1000}}};
}

}  // namespace

void check_resources(const api::Resources& resources, const std::string& path, Violations& v) {
  if (resources.has_pids_limit())
    v.check_range(join(path, "pids_limit"), resources.pids_limit(), 1, kMostPids);
  const Template defaults;
  const std::array<std::uint64_t, 6> default_requests{
      static_cast<std::uint64_t>(defaults.requests.cpu_millicores),
      static_cast<std::uint64_t>(defaults.requests.memory_bytes),
      0,
      0,
      0,
      0};
  const auto requests = resource_amounts(resources.requests());
  const auto limits = resource_amounts(resources.limits());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& request = requests[i];
    const auto& limit = limits[i];
    const bool limited = i < 3;  // cpu, memory and storage
    const auto request_path = path + ".requests." + request.name;
    const auto limit_path = path + ".limits." + limit.name;
    if (request.present) v.check_range(request_path, request.value, 0, request.most);
    if (!limit.present) continue;
    v.check_range(limit_path, limit.value, 0, limit.most);
    if (!limited) v.add_unimplemented(limit_path);
    const auto reserved = request.present ? request.value : default_requests[i];
    if (limit.value < reserved)
      v.add(
          limit_path,
          "is " + std::to_string(limit.value) + ", below the request of " + std::to_string(reserved) +
              (request.present ? "" : " (the default; set requests." + std::string(request.name) + " too)"));
    else if (limit.value == 0)
      v.add(limit_path, "is 0, which nothing can run in; leave it out for no limit");
  }
  if (resources.requests().gpu_count() > 0 && resources.requests().gpu_milli() > 0)
    v.add(path + ".requests.gpu_milli", "is a share of one GPU and cannot come on top of gpu_count");
}

}  // namespace cloudless::codec
