#include "actors/scheduler/engine/gpu.hpp"

#include <algorithm>
#include <numeric>

namespace cloudless::scheduler::engine {

namespace {

constexpr std::size_t kKinds = 16;

/// What asks for GPUs in a large mixed cluster (the public openb trace of 2023), rounded to a few kinds: how
/// often in thousandths, processors, whole GPUs, or the share of one. As columns, so that compilers see
/// vectors.
constexpr std::int32_t kWeight[kKinds] = {160, 20, 20, 90, 125, 95, 90, 65, 240, 75, 8, 4, 2, 6};
constexpr std::int32_t kCpu[kKinds] = {3200, 3200,   4200,   4000,   8000,   12'000, 4000,
                                       9000, 11'500, 18'000, 24'000, 24'000, 48'000, 88'000};
constexpr std::int16_t kEach[kKinds] = {810,  590,  460,  250,  470,  550,  1000, 1000,
                                        1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000};
constexpr std::int16_t kWanted[kKinds] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 1, 1};

/// Free thousandths that a request of one kind could not use, weighted over the kinds: millionths of a GPU.
std::int32_t fragments(const Gpus& gpus, std::int32_t cpu) {
  std::int16_t usable[kKinds] = {}, fitting[kKinds] = {};
  std::int32_t all = 0;
  for (std::uint32_t i = 0; i < gpus.count; ++i) {
    const std::int16_t free = gpus.free[i];
    all += free;
    for (std::size_t k = 0; k < kKinds; ++k) {
      const auto fits = static_cast<std::int16_t>(-(free >= kEach[k]));  // all ones or none
      usable[k] = static_cast<std::int16_t>(usable[k] + (fits & free));
      fitting[k] = static_cast<std::int16_t>(fitting[k] - fits);
    }
  }
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < kKinds; ++k) {
    const bool possible = fitting[k] >= kWanted[k] && cpu >= kCpu[k];
    sum += kWeight[k] * (possible ? all - usable[k] : all);
  }
  return sum;
}

void change_gpus(Gpus& gpus, GpuMask mask, std::int32_t amount) {
  for (std::uint32_t i = 0; i < gpus.count; ++i)
    if ((mask >> i & 1) != 0)
      gpus.free[i] = static_cast<std::int16_t>(std::clamp<std::int32_t>(gpus.free[i] + amount, 0, 1000));
}

std::int32_t amount_per_gpu(const Amounts& request) {
  return request.gpus > 0 ? 1000 : request.gpu_share;
}

}  // namespace

std::int32_t Gpus::whole() const {
  return static_cast<std::int32_t>(std::count(free.begin(), free.begin() + count, 1000));
}

std::int32_t Gpus::largest() const {
  return count == 0 ? 0 : *std::max_element(free.begin(), free.begin() + count);
}

std::int32_t Gpus::free_part() const {
  return count == 0 ? 0 : std::accumulate(free.begin(), free.begin() + count, 0) / count;
}

GpuMask pick_gpus(const Gpus& gpus, const Amounts& request) {
  GpuMask mask = 0;
  if (request.gpus > 0) {
    std::int32_t missing = request.gpus;
    for (std::uint32_t i = 0; i < gpus.count && missing > 0; ++i) {
      if (gpus.free[i] != 1000) continue;
      mask |= 1U << i;
      --missing;
    }
    return missing == 0 ? mask : 0;
  }
  std::int32_t least = 1001;
  for (std::uint32_t i = 0; request.gpu_share > 0 && i < gpus.count; ++i) {
    if (gpus.free[i] < request.gpu_share || gpus.free[i] >= least) continue;
    least = gpus.free[i];
    mask = 1U << i;
  }
  return mask;
}

void take_gpus(Gpus& gpus, GpuMask mask, const Amounts& request) {
  change_gpus(gpus, mask, -amount_per_gpu(request));
}

void give_gpus(Gpus& gpus, GpuMask mask, const Amounts& request) {
  change_gpus(gpus, mask, amount_per_gpu(request));
}

std::int32_t fragmentation_term(const Gpus& gpus, std::int32_t free_cpu, const Amounts& request) {
  Gpus after = gpus;
  take_gpus(after, pick_gpus(gpus, request), request);
  const std::int32_t less = fragments(gpus, free_cpu) - fragments(after, free_cpu - request.cpu);
  // Three GPUs more or less are the ends of the scale; a step is 6 thousandths.
  return std::clamp(500 + less / 6000, 0, 1000);
}

}  // namespace cloudless::scheduler::engine
