// What is written into the control groups above the containers, as values: file by file, for v1 and v2. Pure.
// node_groups writes them with libcgroup.
#pragma once

#include <string>
#include <vector>

#include "actors/runtime/cgroups/cgroup_tree.hpp"

namespace cloudless::runtime {

struct GroupSetting {
  std::string controller;  ///< "cpu"
  std::string file;        ///< "cpu.cfs_quota_us"
  std::string value;
  bool operator==(const GroupSetting&) const = default;
};

/// The group of all containers of a node may use these amounts, and the machine keeps the rest. An amount of
/// 0 is not limited.
std::vector<GroupSetting> node_settings(CgroupLayout layout, std::int64_t cpu_millicores,
                                        std::int64_t memory_bytes);

/// Under contention a namespace gets processor time in proportion to what its replicas reserve together.
std::vector<GroupSetting> namespace_settings(CgroupLayout layout, std::int64_t cpu_millicores);

/// The kernel's measure of a reservation, 2-262144: 1024 for a core.
std::int64_t cpu_shares(std::int64_t cpu_millicores);
/// Microseconds of processor time in each period of 100 ms, at least 1000.
std::int64_t cpu_quota(std::int64_t cpu_millicores);
inline constexpr std::int64_t kCpuPeriodMicros = 100000;

}  // namespace cloudless::runtime
