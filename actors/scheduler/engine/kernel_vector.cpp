// Eight lanes at a time, in GCC's vector extensions rather than by auto-vectorisation, which a harmless
// rewrite can lose. On x86 the functions are compiled for AVX2 and chosen when the program runs there;
// elsewhere for whatever the machine has.
#include <algorithm>
#include <cstring>

#include "actors/scheduler/engine/kernel.hpp"

#if defined(__x86_64__)
#define CLOUDLESS_VECTORS __attribute__((target("avx2")))
#else
#define CLOUDLESS_VECTORS
#endif
#define CLOUDLESS_INLINE CLOUDLESS_VECTORS __attribute__((always_inline)) inline

namespace cloudless::scheduler::engine {

namespace {

constexpr std::uint32_t kWide = 8;
using V = std::int32_t __attribute__((vector_size(kWide * 4)));
using U = std::uint32_t __attribute__((vector_size(kWide * 4)));

/// For each lane of a block its bit within 32, and 63 - lane.
struct alignas(64) LaneTable {
  std::int32_t bit[kLanes];
  std::int32_t rank[kLanes];
};
constexpr LaneTable lane_table() {
  LaneTable table{};
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
    table.bit[lane] = static_cast<std::int32_t>(1U << (lane & 31));
    table.rank[lane] = static_cast<std::int32_t>(63 - lane);
  }
  return table;
}
constexpr LaneTable kLaneTable = lane_table();

CLOUDLESS_INLINE const V& load(const std::int32_t* from) {
  return *reinterpret_cast<const V*>(from);
}

/// All ones in the lanes of `word` that are set, for the eight that begin at `from`.
CLOUDLESS_INLINE V mask_of(std::uint64_t word, std::uint32_t from) {
  const V half = V{} + static_cast<std::int32_t>(static_cast<std::uint32_t>(word >> (from & 32)));
  return (half & load(kLaneTable.bit + from)) != 0;
}

CLOUDLESS_INLINE V larger(V a, V b) {
  return a > b ? a : b;
}

CLOUDLESS_INLINE std::int32_t largest(V v) {
  v = larger(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3));
  v = larger(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5));
  v = larger(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6));
  return v[0];
}

CLOUDLESS_INLINE V scaled(V left, const V& inverse) {
  return reinterpret_cast<V>(reinterpret_cast<U>(left) * reinterpret_cast<U>(inverse)) >> 16;
}

/// The body of both scans: see lane_key for the formula. Lean: everybody has enough of what is rarely short,
/// and the weights are the house's, so that five columns need not be read.
template <bool kPoints, bool kIdle, bool kLean>
CLOUDLESS_INLINE Key block_best(const Block& block, const KernelRequest& request, std::uint64_t eligible,
                                std::uint64_t idle, const BlockPoints* points) {
  const V none = V{} + kNoKey;
  V best = none;
#pragma GCC unroll 8
  for (std::uint32_t from = 0; from < kLanes; from += kWide) {
    const V cpu = load(block.cpu + from) - request.cpu, memory = load(block.memory + from) - request.memory;
    V lacking = cpu | memory;
    if constexpr (!kLean)
      lacking |= (load(block.storage + from) - request.storage) |
                 (load(block.bandwidth + from) - request.bandwidth) | (load(block.gpu + from) - request.gpu);
    const V rc = scaled(cpu, load(block.inv_cpu + from)), rm = scaled(memory, load(block.inv_memory + from));
    const V difference = rc - rm, sign = difference >> 31, apart = (difference ^ sign) - sign;
    V utilization = (request.base + request.slope * (rc + rm) - apart) >> 2;
    if constexpr (kIdle) {
      const V beside_gpus = 250 + ((rc - load(block.gpu_free + from)) >> 2), mask = mask_of(idle, from);
      utilization = (beside_gpus & mask) | (utilization & ~mask);
    }
    V score = request.utilization * utilization;
    if constexpr (kLean) {
      score += load(block.standing + from);
    } else {
      const V terms = load(block.terms + from);
      score += request.reliability * (terms & 1023) + request.cost * ((terms >> 10) & 1023) -
               request.network * (terms >> 20);
    }
    if constexpr (kPoints) {
      for (std::uint32_t i = 0; i < points->count; ++i)
        score += mask_of(points->weighted[i].lanes, from) & points->weighted[i].amount;
      if (points->has_own) score += load(points->own + from);
    }
    const V key = reinterpret_cast<V>(reinterpret_cast<U>(score) << 6) | load(kLaneTable.rank + from);
    const V fits = (lacking >= 0) & mask_of(eligible, from);
    best = larger(best, (key & fits) | (none & ~fits));
  }
  return largest(best);
}

template <bool kPoints>
CLOUDLESS_INLINE Key any_block_best(const Block& block, const KernelRequest& request, std::uint64_t eligible,
                                    std::uint64_t idle, const BlockPoints* points) {
  if (eligible == 0) return kNoKey;
  const bool beside_gpus = (idle & eligible) != 0;
  if (request.house && is_roomy(block, request))
    return beside_gpus ? block_best<kPoints, true, true>(block, request, eligible, idle, points)
                       : block_best<kPoints, false, true>(block, request, eligible, idle, points);
  return beside_gpus ? block_best<kPoints, true, false>(block, request, eligible, idle, points)
                     : block_best<kPoints, false, false>(block, request, eligible, idle, points);
}

CLOUDLESS_VECTORS Key vector_best(const Block& block, const KernelRequest& request, std::uint64_t eligible,
                                  std::uint64_t idle, const BlockPoints& points) {
  return any_block_best<true>(block, request, eligible, idle, &points);
}

CLOUDLESS_VECTORS void vector_scan(const Block* blocks, std::uint32_t count, const KernelRequest& asked,
                                   const std::uint64_t* eligible, const std::uint64_t* idle, Key* keys) {
  const KernelRequest request =
      asked;  // a copy nothing else can see stays in registers across the stores to keys
  for (std::uint32_t b = 0; b < count; ++b)
    keys[b] = any_block_best<false>(blocks[b], request, eligible[b], idle[b], nullptr);
}

CLOUDLESS_VECTORS std::uint32_t vector_first_best(const Key* keys, std::uint32_t count) {
  V best = V{} + kNoKey;
  std::uint32_t i = 0;
  V eight;
  for (; i + kWide <= count; i += kWide) {
    std::memcpy(&eight, keys + i, sizeof eight);
    best = larger(best, eight);
  }
  Key top = largest(best);
  for (; i < count; ++i) top = std::max(top, keys[i]);
  if (top == kNoKey) return count;
  const std::int32_t score = score_of(top);
  for (i = 0; score_of(keys[i]) != score;) ++i;
  return i;
}

/// One bit for each of eight lanes that are all ones or all zeros.
CLOUDLESS_INLINE std::uint64_t bits_of(V mask) {
#if defined(__x86_64__)
  using F = float __attribute__((vector_size(kWide * 4)));
  return static_cast<std::uint32_t>(__builtin_ia32_movmskps256(reinterpret_cast<F>(mask)));
#else
  std::uint64_t bits = 0;
  for (std::uint32_t k = 0; k < kWide; ++k) bits |= static_cast<std::uint64_t>(mask[k] & 1) << k;
  return bits;
#endif
}

CLOUDLESS_VECTORS std::uint64_t vector_at_least(const std::int32_t* column, std::int32_t need) {
  std::uint64_t lanes = 0;
  for (std::uint32_t from = 0; from < kLanes; from += kWide)
    lanes |= bits_of(load(column + from) >= need) << from;
  return lanes;
}

constexpr Kernel kVectorKernel{"avx2", vector_scan, vector_best, vector_first_best, vector_at_least};

}  // namespace

const Kernel* vector_kernel() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") ? &kVectorKernel : nullptr;
#else
  return &kVectorKernel;
#endif
}

}  // namespace cloudless::scheduler::engine
