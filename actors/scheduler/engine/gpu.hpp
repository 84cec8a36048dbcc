// The GPUs of one node: which ones a request gets, and how well it keeps the rest of them usable for others.
// After "Beware of Fragmentation" (Weng et al., USENIX ATC 2023), with a fixed mix of requests in integers.
#pragma once

#include <array>
#include <cstdint>

#include "actors/scheduler/engine/class_spec.hpp"

namespace cloudless::scheduler::engine {

inline constexpr std::uint32_t kMaxGpus = 32;

/// A bit per GPU of a node.
using GpuMask = std::uint32_t;

/// Free thousandths of each GPU of a node, 0-1000.
struct Gpus {
  std::array<std::int16_t, kMaxGpus> free{};
  std::uint8_t count = 0;

  std::int32_t whole() const;    ///< how many have 1000 free
  std::int32_t largest() const;  ///< the most that one has free
  /// Of all of them together, thousandths, rounded down.
  std::int32_t free_part() const;
  bool idle() const { return largest() > 0; }
  bool operator==(const Gpus&) const = default;
};

/// Whole ones: the lowest indices. A share: the GPU with the least free that still fits, the lowest of those.
/// 0 if it does not fit, or asks for none.
GpuMask pick_gpus(const Gpus& gpus, const Amounts& request);

/// Takes (or gives back) the request on these GPUs; never below 0 or above 1000.
void take_gpus(Gpus& gpus, GpuMask mask, const Amounts& request);
void give_gpus(Gpus& gpus, GpuMask mask, const Amounts& request);

/// 0-1000: how much less of the node's free GPUs would be unusable for typical requests after placing this
/// one, 500 for no change. `free_cpu` is before placing. The request must fit.
std::int32_t fragmentation_term(const Gpus& gpus, std::int32_t free_cpu, const Amounts& request);

}  // namespace cloudless::scheduler::engine
