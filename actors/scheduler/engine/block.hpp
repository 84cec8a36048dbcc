// 64 nodes of one zone, as columns: what the kernels scan. A slot is a place in a block; slots of a zone are
// in the order of node indices. Lane 0 is the first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace cloudless::scheduler::engine {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = 0xFFFF'FFFF;
inline constexpr std::uint32_t kLanes = 64;

inline std::uint32_t block_of(Slot slot) {
  return slot / kLanes;
}
inline std::uint32_t lane_of(Slot slot) {
  return slot % kLanes;
}
inline std::uint64_t bit_of(Slot slot) {
  return 1ULL << lane_of(slot);
}

/// 2.6 KiB. Free amounts may be negative (a node that shrank).
struct alignas(64) Block {
  std::int32_t cpu[kLanes] = {};
  std::int32_t memory[kLanes] = {};
  std::int32_t storage[kLanes] = {};
  std::int32_t bandwidth[kLanes] = {};
  std::int32_t gpu[kLanes] = {};         ///< see packed_gpu
  std::int32_t gpu_free[kLanes] = {};    ///< thousandths of all its GPUs together, 0-1000
  std::int32_t inv_cpu[kLanes] = {};     ///< (1000 << 16) / room, 0 without room
  std::int32_t inv_memory[kLanes] = {};  ///< likewise
  std::int32_t terms[kLanes] = {};       ///< see packed_terms
  std::int32_t standing[kLanes] = {};    ///< what terms are worth by the house's weights

  /// No node of the block has less of these: most requests need not look at the columns at all.
  std::int32_t least_storage = std::numeric_limits<std::int32_t>::max();
  std::int32_t least_bandwidth = std::numeric_limits<std::int32_t>::max();
  void lower_least(std::uint32_t lane) {
    least_storage = std::min(least_storage, storage[lane]);
    least_bandwidth = std::min(least_bandwidth, bandwidth[lane]);
  }
};

/// Whole free GPUs above, the largest free share (0-1000) below. One subtraction compares both: whenever a
/// whole one is free the largest share is 1000, so asking for a share never borrows from the upper half.
inline std::int32_t packed_gpu(std::int32_t whole, std::int32_t largest_share) {
  return (whole << 16) | largest_share;
}

/// Reliability, cost, latency: 0-1000 each, ten bits each.
inline std::int32_t packed_terms(std::int32_t reliability, std::int32_t cost, std::int32_t latency) {
  return reliability | (cost << 10) | (latency << 20);
}

}  // namespace cloudless::scheduler::engine
