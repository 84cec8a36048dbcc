#include "actors/scheduler/engine/kernel.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace cloudless::scheduler::engine;

namespace {

using Random = std::mt19937_64;

std::int32_t within(Random& random, std::int32_t from, std::int32_t to) {
  return from + static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(to - from + 1));
}

/// Every amount a node may have, also less than nothing; terms at both ends.
Block random_block(Random& random) {
  Block block;
  const std::int32_t scale = random() % 2 == 0 ? 20 : 1'000'000;
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
    for (auto column : {&Block::cpu, &Block::memory, &Block::storage, &Block::bandwidth})
      (block.*column)[lane] = within(random, -scale / 10, scale);
    block.gpu[lane] = packed_gpu(within(random, 0, 3), within(random, 0, 1000));
    block.gpu_free[lane] = within(random, 0, 1000);
    for (auto column : {&Block::inv_cpu, &Block::inv_memory})
      (block.*column)[lane] = random() % 8 == 0 ? 0 : (1000 << 16) / (scale + within(random, 0, scale));
    const std::int32_t reliability = within(random, 0, 1000), cost = within(random, 0, 1000);
    const std::int32_t latency = within(random, 0, 1000);
    block.terms[lane] = packed_terms(reliability, cost, latency);
    block.standing[lane] = 250 * reliability + 150 * cost - 100 * latency;
    block.lower_least(lane);
  }
  return block;
}

KernelRequest random_kernel_request(Random& random) {
  KernelRequest request;
  request.cpu = within(random, 0, 20);
  request.memory = within(random, 0, 20);
  request.storage = random() % 2 == 0 ? -200'000 : within(random, 0, 20);  // below all: every block is roomy
  request.bandwidth = random() % 2 == 0 ? -200'000 : within(random, 0, 20);
  request.gpu = random() % 2 == 0 ? 0 : packed_gpu(within(random, 0, 2), within(random, 0, 999));
  request.house = random() % 2 == 0;
  request.reliability = request.house ? 250 : within(random, 0, 1000);
  request.cost = request.house ? 150 : within(random, 0, 1000);
  request.network = request.house ? 100 : within(random, 0, 1000);
  request.utilization = within(random, 0, 1000);
  if (random() % 2 == 0) {
    request.base = 0;
    request.slope = 2;
  }
  return request;
}

std::uint64_t random_lanes(Random& random) {
  switch (random() % 4) {
    case 0:
      return 0;
    case 1:
      return ~0ULL;
    case 2:
      return 1ULL << (random() % 64);
    default:
      return random();
  }
}

}  // namespace

TEST_CASE("the vector kernel agrees with the plain one in every bit") {
  if (vector_kernel() == nullptr) {
    MESSAGE("this machine has no AVX2: nothing to compare");
    return;
  }
  const Kernel &plain = plain_kernel(), &vectors = *vector_kernel();
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed);
    INFO("seed ", seed);
    const std::vector<Block> blocks{random_block(random), random_block(random), random_block(random)};
    const KernelRequest request = random_kernel_request(random);
    const std::uint64_t eligible[] = {random_lanes(random), random_lanes(random), random_lanes(random)};
    const std::uint64_t idle[] = {random_lanes(random), random_lanes(random), random_lanes(random)};
    Key one[3], other[3];
    plain.scan(blocks.data(), 3, request, eligible, idle, one);
    vectors.scan(blocks.data(), 3, request, eligible, idle, other);
    for (int b = 0; b < 3; ++b) REQUIRE(one[b] == other[b]);

    BlockPoints points;
    for (std::uint64_t i = random() % 2 == 0 ? 3 : random() % 40; i > 0; --i)
      points.add(random_lanes(random), within(random, -1'000'000, 100'000));
    REQUIRE(plain.best(blocks[0], request, eligible[0], idle[0], points) ==
            vectors.best(blocks[0], request, eligible[0], idle[0], points));
    const std::int32_t need = within(random, -10, 30);
    REQUIRE(plain.at_least(blocks[0].cpu, need) == vectors.at_least(blocks[0].cpu, need));
  }
}

TEST_CASE("of blocks with the same score the first is chosen, whatever lane its best node has") {
  for (const Kernel* kernel : {&plain_kernel(), vector_kernel()}) {
    if (kernel == nullptr) continue;
    for (std::uint32_t count = 0; count < 64; ++count) {
      INFO(std::string(kernel->name), ", ", count, " blocks");
      std::vector<Key> keys(count, kNoKey);
      CHECK(kernel->first_best(keys.data(), count) == count);
      if (count < 3) continue;
      keys[count - 1] = key_of(-7, 0);
      CHECK(kernel->first_best(keys.data(), count) == count - 1);
      keys[count / 2] = key_of(-7, 63);  // a smaller key of the same score
      CHECK(kernel->first_best(keys.data(), count) == count / 2);
      keys[0] = key_of(-8, 0);
      CHECK(kernel->first_best(keys.data(), count) == count / 2);
    }
  }
}

TEST_CASE("a key orders by score, then by the lower lane") {
  CHECK(key_of(5, 63) > key_of(4, 0));
  CHECK(key_of(5, 3) > key_of(5, 4));
  CHECK(key_of(-(1 << 25) + 1, 63) > kNoKey);
  for (const std::int32_t score : {-(1 << 24), -1, 0, 1, (1 << 25) - 1}) {
    CHECK(score_of(key_of(score, 17)) == score);
    CHECK(lane_of_key(key_of(score, 17)) == 17);
  }
}

TEST_CASE("filling prefers the fuller node, spreading the emptier, and both a balanced one") {
  Block block;
  for (std::uint32_t lane = 0; lane < 3; ++lane)
    block.inv_cpu[lane] = block.inv_memory[lane] = (1000 << 16) / 1000;
  block.cpu[0] = block.memory[0] = 900;
  block.cpu[1] = block.memory[1] = 300;
  block.cpu[2] = 100;  // as full as the second, but lopsided
  block.memory[2] = 500;
  KernelRequest request;
  request.utilization = 200;
  const auto score = [&](std::uint32_t lane) { return score_of(lane_key(block, lane, request, false, 0)); };
  CHECK(score(0) == 200 * 100);
  CHECK(score(1) == 200 * 700);
  CHECK(score(2) == 200 * 600);
  request.base = 0;
  request.slope = 2;
  CHECK(score(0) == 200 * 900);
  CHECK(score(1) == 200 * 300);
  CHECK(score(2) == 200 * 200);
}

TEST_CASE("beside idle GPUs a replica without one goes where processors would be left over") {
  Block block;
  for (std::uint32_t lane = 0; lane < 2; ++lane) {
    block.inv_cpu[lane] = block.inv_memory[lane] = (1000 << 16) / 1000;
    block.cpu[lane] = block.memory[lane] = 500;
  }
  block.gpu_free[0] = 1000;  // needs its processors
  block.gpu_free[1] = 100;   // has more than its GPUs can use
  KernelRequest request;
  request.utilization = 1;
  CHECK(score_of(lane_key(block, 0, request, true, 0)) == 250 - 125);
  CHECK(score_of(lane_key(block, 1, request, true, 0)) == 250 + 100);
}
