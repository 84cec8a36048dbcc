#include "actors/runtime/limits_update.hpp"

#include <doctest/doctest.h>

#include <random>

namespace cloudless::runtime {
namespace {

ResourceLimits memory(std::int64_t bytes) {
  return {std::nullopt, bytes, std::nullopt, std::nullopt};
}

const Error kRefused{Errc::failed_precondition, "memory limit 16 MiB is below the 40 MiB in use", {}};
const Error kAway{Errc::unavailable, "containerd is away", {}};

TEST_CASE("what a container started with is not asked for again; a change is, once") {
  LimitsUpdate limits;
  CHECK_FALSE(limits.next(memory(1), 0));  // nothing runs
  limits.started_with(memory(1));
  CHECK_FALSE(limits.next(memory(1), 0));
  CHECK(limits.next(memory(2), 0) == memory(2));
  CHECK_FALSE(limits.next(memory(2), 1));
  CHECK_FALSE(limits.next(memory(3), 1));  // one at a time
  limits.answered(std::nullopt, 2, 1000);
  CHECK(limits.next(memory(3), 2) == memory(3));
  limits.answered(std::nullopt, 3, 1000);
  CHECK_FALSE(limits.next(memory(3), 3));
  CHECK_FALSE(limits.deadline());
}

TEST_CASE("of a container that was found running nothing is known, so it is asked for") {
  LimitsUpdate limits;
  limits.found_running();
  CHECK(limits.next({}, 0) == ResourceLimits{});
}

TEST_CASE("a refusal is told, tried again later, and forgotten when the wish changes or comes true") {
  LimitsUpdate limits;
  limits.started_with(memory(64));
  limits.next(memory(16), 100);
  limits.answered(kRefused, 100, 1000);
  CHECK(limits.refusal() == "limits not in force: memory limit 16 MiB is below the 40 MiB in use");
  CHECK_FALSE(limits.next(memory(16), 200));
  CHECK(limits.deadline() == 100 + kLimitsRetry);
  SUBCASE("again, and it works") {
    CHECK(limits.next(memory(16), 100 + kLimitsRetry) == memory(16));
    CHECK_FALSE(limits.refusal().empty());
    limits.answered(std::nullopt, 100 + kLimitsRetry, 1000);
    CHECK(limits.refusal().empty());
  }
  SUBCASE("another wish is not made to wait") {
    CHECK(limits.next(memory(48), 200) == memory(48));
  }
  SUBCASE("the old limits are wanted again") {
    CHECK_FALSE(limits.next(memory(64), 200));
    CHECK(limits.refusal().empty());
    CHECK_FALSE(limits.deadline());
  }
  SUBCASE("the container ends") {
    limits.ended();
    CHECK(limits.refusal().empty());
    CHECK_FALSE(limits.deadline());
  }
}

TEST_CASE("after a runtime that was away nobody knows what is in force") {
  LimitsUpdate limits;
  limits.started_with(memory(64));
  limits.next(memory(32), 0);
  limits.answered(kAway, 10, 1000);
  CHECK(limits.refusal().empty());
  CHECK_FALSE(limits.next(memory(32), 500));
  CHECK(limits.next(memory(64), 1010) == memory(64));  // also the old ones: the change may have been made
}

TEST_CASE("whatever is answered, what was wished for last is in force in the end") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    LimitsUpdate limits;
    ResourceLimits machine = memory(1), wanted = memory(1);
    limits.started_with(machine);
    std::optional<ResourceLimits> asked;
    Millis now = 0;
    const auto step = [&](bool faults) {
      now += static_cast<Millis>(random() % 2000);
      if (!asked) asked = limits.next(wanted, now);
      if (!asked) return;
      const auto how = faults ? random() % 3 : 0;
      if (how == 0 || (how == 1 && random() % 2 == 0)) machine = *asked;
      limits.answered(how == 0   ? std::nullopt
                      : how == 1 ? std::optional(kAway)
                                 : std::optional(kRefused),
                      now, 1000);
      asked.reset();
    };
    for (int i = 0; i < 30; ++i) {
      if (random() % 4 == 0) wanted = memory(static_cast<std::int64_t>(1 + random() % 3));
      step(true);
    }
    for (int i = 0; i < 60; ++i) step(false);
    CHECK(machine == wanted);
    CHECK(limits.refusal().empty());
  }
}

}  // namespace
}  // namespace cloudless::runtime
