#include "services/logger/budget.hpp"

#include <doctest/doctest.h>

namespace cloudless::logger {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST_CASE("a budget allows a burst, then its rate, in stretches of half a second") {
  Budget budget(1000);
  std::int64_t now = 5 * kSecond;
  CHECK_FALSE(budget.exceeded(now));
  budget.spend(4000);
  CHECK(budget.exceeded(now));
  CHECK(budget.exceeded(now + kSecond / 4));
  now += kSecond / 2;
  CHECK_FALSE(budget.exceeded(now));
  std::uint64_t spent = 0;
  for (int tick = 0; tick < 20'000; ++tick, now += kSecond / 1000) {
    if (budget.exceeded(now)) continue;
    budget.spend(10);
    spent += 10;
  }
  CHECK(spent >= 19'000);
  CHECK(spent <= 21'000);
}

TEST_CASE("a budget of nothing limits nothing, and the largest does not overflow") {
  Budget any(0);
  any.spend(1ULL << 62);
  CHECK_FALSE(any.exceeded(kSecond));
  Budget large(1ULL << 40);
  CHECK_FALSE(large.exceeded(kSecond));
  large.spend(5ULL << 40);
  CHECK(large.exceeded(kSecond));
  CHECK_FALSE(large.exceeded(60 * kSecond));
}

TEST_CASE("a clock that is asked often does not lose what comes in between") {
  Budget budget(1000);
  CHECK_FALSE(budget.exceeded(kSecond));
  budget.spend(5000);
  std::int64_t now = kSecond;
  while (budget.exceeded(now) && now < 60 * kSecond) now += 100'000;
  CHECK(now >= kSecond + 3 * kSecond / 2);
  CHECK(now <= kSecond + 5 * kSecond / 2);
}

}  // namespace
}  // namespace cloudless::logger
