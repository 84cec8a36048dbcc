#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "actors/rollout/step_world.test.hpp"

using namespace cloudless;
using rollout::test::Breach;
using rollout::test::StepWorld;

namespace {

/// How many episodes ended so.
struct Ends {
  int completed = 0, failed = 0, went_back = 0;
};

void play(StepWorld& world, Ends& ends) {
  for (int i = 0; i < 150; ++i) {
    world.event();
    world.plan(i % 7 != 0);
  }
  world.calm_down();
  if (!world.settle()) throw Breach("it comes to rest\n" + world.describe());
  world.check_settled();
  const auto rollout = world.rollout();
  const bool completed = rollout.state == RolloutState::completed;
  ++(!completed ? ends.failed : rollout.cause == RolloutCause::failed ? ends.went_back : ends.completed);
}

}  // namespace

TEST_CASE("Whatever happens in whatever order, no step takes a service down, and every rollout ends") {
  constexpr std::uint64_t kSteps = 2'000'000;
  Ends ends;
  std::uint64_t steps = 0;
  for (std::uint64_t seed = 1; steps < kSteps; ++seed) {
    StepWorld world(seed);
    try {
      play(world, ends);
    } catch (const Breach& breach) {
      FAIL("seed ", seed, ", step ", world.steps(), ": ", std::string(breach.what()));
    }
    steps += world.steps();
  }
  MESSAGE(steps, " steps; ", ends.completed, " completed, ", ends.went_back, " went back, ", ends.failed,
          " failed");
  CHECK(ends.completed > 1000);
  CHECK(ends.went_back > 300);
  CHECK(ends.failed > 300);
}
