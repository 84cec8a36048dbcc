#include "actors/scheduler/engine/gpu.hpp"

#include <algorithm>
#include <numeric>

namespace cloudless::scheduler::engine {

namespace {

struct TypicalRequest {
  std::int32_t weight;  // thousandths of all
  std::int32_t cpu;
  std::int32_t whole, share;
};

/// What asks for GPUs in a large mixed cluster (the public openb trace of 2023), rounded to a few kinds.
constexpr TypicalRequest kTypical[] = {
    {160, 3200, 0, 810}, {20, 3200, 0, 590}, {20, 4200, 0, 460}, {90, 4000, 0, 250}, {125, 8000, 0, 470},
    {95, 12000, 0, 550}, {90, 4000, 1, 0},   {65, 9000, 1, 0},   {240, 11500, 1, 0}, {75, 18000, 1, 0},
    {8, 24000, 1, 0},    {4, 24000, 2, 0},   {2, 48000, 4, 0},   {6, 88000, 8, 0},
};

/// Free thousandths that a request of one kind could not use, weighted over the kinds: thousandths of
/// thousandths.
std::int64_t fragments(const Gpus& gpus, std::int32_t cpu) {
  std::int32_t all = 0;
  for (std::uint32_t i = 0; i < gpus.count; ++i) all += gpus.free[i];
  std::int64_t sum = 0;
  for (const TypicalRequest& kind : kTypical) {
    const std::int32_t each = kind.whole > 0 ? 1000 : kind.share, wanted = std::max(kind.whole, 1);
    std::int32_t usable = 0, fitting = 0;
    for (std::uint32_t i = 0; i < gpus.count; ++i) {
      const bool fits = gpus.free[i] >= each;
      fitting += fits ? 1 : 0;
      usable += fits ? gpus.free[i] : 0;
    }
    const bool possible = fitting >= wanted && cpu >= kind.cpu;
    sum += static_cast<std::int64_t>(kind.weight) * (possible ? all - usable : all);
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
  const std::int64_t less = fragments(gpus, free_cpu) - fragments(after, free_cpu - request.cpu);
  // 4000 thousandths more or less are the ends of the scale; a step is 8.
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(500 + less / 8000, 0, 1000));
}

}  // namespace cloudless::scheduler::engine
