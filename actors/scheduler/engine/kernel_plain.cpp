// Lane by lane.
#include <bit>

#include "actors/scheduler/engine/kernel.hpp"

namespace cloudless::scheduler::engine {

namespace {

Key plain_best(const Block& block, const KernelRequest& request, std::uint64_t eligible, std::uint64_t idle,
               const std::int32_t* points) {
  Key best = kNoKey;
  for (std::uint64_t left = eligible; left != 0; left &= left - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(left));
    const Key key = lane_key(block, lane, request, (idle >> lane & 1) != 0, points[lane]);
    if (key > best) best = key;
  }
  return best;
}

void plain_scan(const Block* blocks, std::uint32_t count, const KernelRequest& request,
                const std::uint64_t* eligible, const std::uint64_t* idle, Key* keys) {
  alignas(64) static constexpr std::int32_t kNoPoints[kLanes] = {};
  for (std::uint32_t b = 0; b < count; ++b)
    keys[b] = plain_best(blocks[b], request, eligible[b], idle[b], kNoPoints);
}

void plain_add_where(std::int32_t* points, std::uint64_t lanes, std::int32_t amount) {
  for (; lanes != 0; lanes &= lanes - 1) points[std::countr_zero(lanes)] += amount;
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

constexpr Kernel kPlainKernel{"scalar",        plain_scan,       plain_best,
                              plain_add_where, plain_first_best, plain_at_least};

}  // namespace

const Kernel& plain_kernel() {
  return kPlainKernel;
}

const Kernel& fastest_kernel() {
  const Kernel* vectors = vector_kernel();
  return vectors != nullptr ? *vectors : plain_kernel();
}

}  // namespace cloudless::scheduler::engine
