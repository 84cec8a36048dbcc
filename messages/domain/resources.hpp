// Amounts of what a node has and a replica reserves. Integers only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cloudless {

struct Resources {
  std::int64_t cpu_millicores = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t storage_bytes = 0;
  std::int64_t bandwidth_bps = 0;
  std::int64_t gpu_count = 0;  ///< whole ones
  std::int64_t gpu_milli = 0;  ///< thousandths of one more: a share, 0-999 in a request

  bool operator==(const Resources&) const = default;
  Resources& operator+=(const Resources& o) {
    cpu_millicores += o.cpu_millicores;
    memory_bytes += o.memory_bytes;
    storage_bytes += o.storage_bytes;
    bandwidth_bps += o.bandwidth_bps;
    gpu_count += o.gpu_count;
    gpu_milli += o.gpu_milli;
    return *this;
  }
  Resources& operator-=(const Resources& o) {
    cpu_millicores -= o.cpu_millicores;
    memory_bytes -= o.memory_bytes;
    storage_bytes -= o.storage_bytes;
    bandwidth_bps -= o.bandwidth_bps;
    gpu_count -= o.gpu_count;
    gpu_milli -= o.gpu_milli;
    return *this;
  }
  friend Resources operator+(Resources a, const Resources& b) { return a += b; }
  friend Resources operator-(Resources a, const Resources& b) { return a -= b; }
  std::int64_t gpu_thousandths() const { return gpu_count * 1000 + gpu_milli; }
  /// Every amount of this fits in `room`; GPUs only in sum, a share must also fit on one of them.
  bool fits(const Resources& room) const {
    return cpu_millicores <= room.cpu_millicores && memory_bytes <= room.memory_bytes &&
           storage_bytes <= room.storage_bytes && bandwidth_bps <= room.bandwidth_bps &&
           gpu_thousandths() <= room.gpu_thousandths();
  }
};

/// Processes and threads of a container for which the user set no limit.
inline constexpr std::int64_t kDefaultPidsLimit = 4096;

/// Limits: an absent amount is not limited.
struct ResourceLimits {
  std::optional<std::int64_t> cpu_millicores;
  std::optional<std::int64_t> memory_bytes;
  std::optional<std::int64_t> storage_bytes;  ///< of the container's writable layer
  std::optional<std::int64_t> pids;           ///< processes and threads; absent: kDefaultPidsLimit
  bool operator==(const ResourceLimits&) const = default;
};

}  // namespace cloudless
