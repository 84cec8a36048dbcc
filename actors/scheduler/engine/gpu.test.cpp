#include "actors/scheduler/engine/gpu.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace cloudless::scheduler::engine;

namespace {

Gpus gpus_with(std::initializer_list<int> free) {
  Gpus gpus;
  for (const int thousandths : free) gpus.free[gpus.count++] = static_cast<std::int16_t>(thousandths);
  return gpus;
}

Amounts whole_gpus(std::int32_t count, std::int32_t cpu = 0) {
  return {cpu, 0, 0, 0, count, 0};
}
Amounts gpu_share(std::int32_t thousandths, std::int32_t cpu = 0) {
  return {cpu, 0, 0, 0, 0, thousandths};
}

}  // namespace

TEST_CASE("whole GPUs are the lowest that are free") {
  const Gpus gpus = gpus_with({1000, 400, 1000, 1000});
  CHECK(pick_gpus(gpus, whole_gpus(1)) == 0b0001);
  CHECK(pick_gpus(gpus, whole_gpus(3)) == 0b1101);
  CHECK(pick_gpus(gpus, whole_gpus(4)) == 0);
  CHECK(pick_gpus(gpus, whole_gpus(0)) == 0);
}

TEST_CASE("a share is on the GPU with the least free that still fits") {
  const Gpus gpus = gpus_with({1000, 400, 500, 400});
  CHECK(pick_gpus(gpus, gpu_share(300)) == 0b0010);
  CHECK(pick_gpus(gpus, gpu_share(450)) == 0b0100);
  CHECK(pick_gpus(gpus, gpu_share(501)) == 0b0001);
  CHECK(pick_gpus(gpus_with({400}), gpu_share(401)) == 0);
}

TEST_CASE("what is taken can be given back, and no GPU has more than all of it") {
  Gpus gpus = gpus_with({1000, 700});
  take_gpus(gpus, 0b10, gpu_share(300));
  CHECK(gpus == gpus_with({1000, 400}));
  take_gpus(gpus, 0b01, whole_gpus(1));
  CHECK(gpus == gpus_with({0, 400}));
  give_gpus(gpus, 0b01, whole_gpus(1));
  give_gpus(gpus, 0b10, gpu_share(300));
  CHECK(gpus == gpus_with({1000, 700}));
  give_gpus(gpus, 0b11, whole_gpus(1));
  CHECK(gpus == gpus_with({1000, 1000}));
}

TEST_CASE("sums say what a node has") {
  const Gpus gpus = gpus_with({1000, 0, 250});
  CHECK(gpus.whole() == 1);
  CHECK(gpus.largest() == 1000);
  CHECK(gpus.free_part() == 416);
  CHECK(gpus.idle());
  CHECK(!gpus_with({0, 0}).idle());
  CHECK(!Gpus{}.idle());
  CHECK(Gpus{}.free_part() == 0);
}

TEST_CASE("a share prefers a GPU that is already shared to breaking a whole one") {
  const std::int32_t shared = fragmentation_term(gpus_with({500, 0}), 64'000, gpu_share(500, 4000));
  const std::int32_t whole = fragmentation_term(gpus_with({1000, 0}), 64'000, gpu_share(500, 4000));
  CHECK(shared > whole);
}

TEST_CASE("a GPU prefers a node whose processors suffice for the GPUs that stay free") {
  const Gpus two = gpus_with({1000, 1000});
  const std::int32_t enough = fragmentation_term(two, 64'000, whole_gpus(1, 12'000));
  const std::int32_t stranded = fragmentation_term(two, 12'500, whole_gpus(1, 12'000));
  CHECK(enough > stranded);
}

TEST_CASE("a step of the term is six thousandths of a GPU") {
  // Too few processors for any kind: everything free is unusable, before and after.
  CHECK(fragmentation_term(gpus_with({1000}), 3000, gpu_share(300)) == 550);
  CHECK(fragmentation_term(gpus_with({1000, 1000}), 3000, whole_gpus(2)) == 833);
}

TEST_CASE("the term stays within its scale, also for the largest nodes") {
  Gpus many;
  many.count = kMaxGpus;
  many.free.fill(1000);
  for (const std::int32_t cpu : {0, 5000, 1'000'000'000})
    for (const Amounts& request : {whole_gpus(1), whole_gpus(32, 1000), gpu_share(1), gpu_share(999)}) {
      const std::int32_t term = fragmentation_term(many, cpu, request);
      CHECK(term >= 0);
      CHECK(term <= 1000);
    }
}
