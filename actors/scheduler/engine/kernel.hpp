// The arithmetic over blocks: which node of a block is best for a request, as one number. There is a plain
// kernel (a loop over lanes) and a vector kernel; they agree in
// every bit.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "actors/scheduler/engine/block.hpp"

namespace cloudless::scheduler::engine {

/// (score << 6) | (63 - lane): of equal scores the lowest lane is the largest key. |score| < 2^25.
using Key = std::int32_t;
inline constexpr Key kNoKey = std::numeric_limits<Key>::min();
inline Key key_of(std::int32_t score, std::uint32_t lane) {
  return static_cast<Key>((static_cast<std::uint32_t>(score) << 6) | (63 - lane));
}
inline std::int32_t score_of(Key key) {
  return key >> 6;
}
inline std::uint32_t lane_of_key(Key key) {
  return 63 - (static_cast<std::uint32_t>(key) & 63);
}

/// What of a class is the same for all nodes.
struct KernelRequest {
  std::int32_t cpu = 0, memory = 0, storage = 0, bandwidth = 0, gpu = 0;  ///< gpu: packed_gpu
  std::int32_t reliability = 0, cost = 0, utilization = 0, network = 0;   ///< weights
  bool house = false;  ///< reliability, cost and network weigh as in Block::standing
  /// U = (base + slope * (rc + rm) - |rc - rm|) >> 2: 4000 and -2 to fill nodes, 0 and 2 to spread. On a node
  /// with an idle GPU U = 250 + ((rc - free thousandths of its GPUs) >> 2) instead, 0-500: what needs no GPU
  /// goes where processors would be left over, and never takes those that the GPUs will need.
  std::int32_t base = 4000, slope = -2;
};

/// Points for each of these lanes.
struct WeightedLanes {
  std::uint64_t lanes;
  std::int32_t amount;
};

/// What lanes of one block have beside its columns: a few weights of many lanes each, and points of each
/// lane's own (not read unless has_own).
struct BlockPoints {
  static constexpr std::uint32_t kMostWeighted = 24;
  std::uint32_t count = 0;
  bool has_own = false;
  WeightedLanes weighted[kMostWeighted];
  alignas(64) std::int32_t own[kLanes];

  bool any() const { return count > 0 || has_own; }
  void clear_own() {
    if (!has_own) std::fill(own, own + kLanes, 0);
    has_own = true;
  }
  void add(std::uint64_t lanes, std::int32_t amount) {
    if (count < kMostWeighted) {
      weighted[count++] = WeightedLanes{lanes, amount};
      return;
    }
    clear_own();
    for (; lanes != 0; lanes &= lanes - 1) own[std::countr_zero(lanes)] += amount;
  }
  std::int32_t of(std::uint32_t lane) const {
    std::int32_t sum = has_own ? own[lane] : 0;
    for (std::uint32_t i = 0; i < count; ++i)
      if ((weighted[i].lanes >> lane & 1) != 0) sum += weighted[i].amount;
    return sum;
  }
};

struct Kernel {
  const char* name;
  /// The best key of each block among the lanes in `eligible`; `idle` are nodes with an idle GPU.
  void (*scan)(const Block* blocks, std::uint32_t count, const KernelRequest& request,
               const std::uint64_t* eligible, const std::uint64_t* idle, Key* keys);
  /// The same for one block that has points.
  Key (*best)(const Block& block, const KernelRequest& request, std::uint64_t eligible, std::uint64_t idle,
              const BlockPoints& points);
  /// The first of the keys with the highest score; `count` for none above kNoKey.
  std::uint32_t (*first_best)(const Key* keys, std::uint32_t count);
  /// The lanes whose column has at least `need`.
  std::uint64_t (*at_least)(const std::int32_t* column, std::int32_t need);
};

const Kernel& plain_kernel();
/// Null if this machine has no vectors that are wide enough (x86: AVX2).
const Kernel* vector_kernel();
const Kernel& fastest_kernel();

/// The columns of a block that a request need not look at, as all its nodes have enough.
inline bool is_roomy(const Block& block, const KernelRequest& request) {
  return request.gpu == 0 && request.storage <= block.least_storage &&
         request.bandwidth <= block.least_bandwidth;
}

/// left * right >> 16 without the undefined overflow that a lane which does not fit anyway may have.
inline std::int32_t scaled(std::int32_t left, std::int32_t inverse) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(left) * static_cast<std::uint32_t>(inverse)) >>
         16;
}

/// The key of one lane, kNoKey if the request does not fit: the formula that both kernels follow.
inline Key lane_key(const Block& block, std::uint32_t lane, const KernelRequest& request, bool idle,
                    std::int32_t points) {
  const std::int32_t cpu = block.cpu[lane] - request.cpu, memory = block.memory[lane] - request.memory;
  if ((cpu | memory | (block.storage[lane] - request.storage) | (block.bandwidth[lane] - request.bandwidth) |
       (block.gpu[lane] - request.gpu)) < 0)
    return kNoKey;
  const std::int32_t rc = scaled(cpu, block.inv_cpu[lane]), rm = scaled(memory, block.inv_memory[lane]);
  const std::int32_t apart = rc > rm ? rc - rm : rm - rc;
  const std::int32_t utilization = idle ? 250 + ((rc - block.gpu_free[lane]) >> 2)
                                        : (request.base + request.slope * (rc + rm) - apart) >> 2;
  const std::int32_t terms = block.terms[lane];
  return key_of(request.utilization * utilization + request.reliability * (terms & 1023) +
                    request.cost * ((terms >> 10) & 1023) - request.network * (terms >> 20) + points,
                lane);
}

}  // namespace cloudless::scheduler::engine
