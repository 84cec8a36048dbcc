// Lane by lane.
#include <algorithm>
#include <bit>

#include "actors/scheduler/engine/kernel.hpp"

namespace cloudless::scheduler::engine {

namespace {

Key plain_best(const Block& block, const KernelRequest& request, std::uint64_t eligible, std::uint64_t idle,
               const BlockPoints& points) {
  Key best = kNoKey;
  for (std::uint64_t left = eligible; left != 0; left &= left - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(left));
    best = std::max(best, lane_key(block, lane, request, (idle >> lane & 1) != 0, points.of(lane)));
  }
  return best;
}

void plain_scan(const Block* blocks, std::uint32_t count, const KernelRequest& request,
                const std::uint64_t* eligible, const std::uint64_t* idle, Key* keys) {
  const BlockPoints none{};
  for (std::uint32_t b = 0; b < count; ++b)
    keys[b] = plain_best(blocks[b], request, eligible[b], idle[b], none);
}

std::uint32_t plain_first_best(const Key* keys, std::uint32_t count) {
  std::uint32_t first = count;
  std::int32_t best = score_of(kNoKey);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (score_of(keys[i]) > best) {
      best = score_of(keys[i]);
      first = i;
    }
  }
  return first;
}

std::uint64_t plain_at_least(const std::int32_t* column, std::int32_t need) {
  std::uint64_t lanes = 0;
  for (std::uint32_t lane = 0; lane < kLanes; ++lane)
    lanes |= static_cast<std::uint64_t>(column[lane] >= need) << lane;
  return lanes;
}

constexpr Kernel kPlainKernel{"scalar", plain_scan, plain_best, plain_first_best, plain_at_least};

}  // namespace

const Kernel& plain_kernel() {
  return kPlainKernel;
}

const Kernel& fastest_kernel() {
  const Kernel* vectors = vector_kernel();
  return vectors != nullptr ? *vectors : plain_kernel();
}

}  // namespace cloudless::scheduler::engine
