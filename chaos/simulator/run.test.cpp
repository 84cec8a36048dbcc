#include "chaos/simulator/run.hpp"

#include <doctest/doctest.h>

using namespace cloudless;

TEST_CASE("A run replays from its seed, bit by bit, and other seeds are other runs") {
  const auto first = sim::run({3, 500, false}), again = sim::run({3, 500, false}),
             other = sim::run({5, 500, false});
  CHECK(first.hash == again.hash);
  CHECK(first.steps == again.steps);
  CHECK(first.virtual_time == again.virtual_time);
  CHECK(first.hash != other.hash);
}
