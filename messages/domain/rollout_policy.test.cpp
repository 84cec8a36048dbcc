#include "messages/domain/rollout_policy.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace cloudless {
namespace {

using Amount = std::optional<IntOrPercent>;

constexpr Amount kNone;
Amount count(std::uint32_t n) {
  return IntOrPercent{n, false};
}
Amount share(std::uint32_t n) {
  return IntOrPercent{n, true};
}

RolloutPolicy policy(Amount surge, Amount away, std::optional<std::uint32_t> floor) {
  RolloutPolicy out;
  out.max_surge = surge;
  out.max_unavailable = away;
  out.min_available = floor;
  return out;
}

}  // namespace

TEST_CASE("the bounds of a rollout") {
  struct Case {
    const char* what;
    std::uint32_t replicas;
    Amount surge, away;
    std::optional<std::uint32_t> floor;
    RolloutBounds bounds;  ///< min_available, max_unavailable, max_surge, batch, surge_raised
  };
  const std::vector<Case> cases{
      {"3 of 5 gives batches of 2", 5, kNone, kNone, 3, {3, 2, 2, 2, false}},
      {"3 of 5 without surge", 5, count(0), kNone, 3, {3, 2, 0, 2, false}},
      {"as many as there are needs surge", 5, count(2), kNone, 5, {5, 0, 2, 2, false}},
      {"an explicit 0 is no constraint", 5, kNone, kNone, 0, {0, 5, 2, 5, false}},
      {"4 of 5 limits 3 to 1", 5, kNone, count(3), 4, {4, 1, 2, 1, false}},
      {"5 of 3 is 3 of 3", 3, count(1), kNone, 5, {3, 0, 1, 1, false}},
      {"clamped without surge: one more", 3, count(0), kNone, 5, {3, 0, 1, 1, true}},
      {"nothing given", 10, kNone, kNone, {}, {9, 1, 3, 2, false}},
      {"nothing given, few", 3, kNone, kNone, {}, {2, 1, 1, 1, false}},
      {"nothing given, two", 2, kNone, kNone, {}, {1, 1, 1, 1, false}},
      {"nothing given, one", 1, kNone, kNone, {}, {1, 0, 1, 1, false}},
      {"nothing given, none", 0, kNone, kNone, {}, {0, 0, 0, 1, false}},
      {"nothing given, many", 10000, kNone, kNone, {}, {9999, 1, 2500, 2500, false}},
      {"only surge", 10, count(2), count(0), {}, {10, 0, 2, 2, false}},
      {"surge beyond the batch", 10, count(4), count(2), {}, {8, 2, 4, 4, false}},
      {"shares: surge up, unavailable down", 10, share(25), share(25), {}, {8, 2, 3, 3, false}},
      {"a share below one", 3, share(0), share(33), {}, {3, 0, 1, 1, true}},
      {"all may be away", 3, count(0), share(100), {}, {0, 3, 0, 3, false}},
      {"more than all may be away", 3, count(0), count(9), {}, {0, 3, 0, 3, false}},
      {"the floor wins over unavailable", 10, count(0), share(100), 7, {7, 3, 0, 3, false}},
      {"no overflow",
       4'000'000'000,
       count(4'000'000'000),
       kNone,
       {},
       {3'999'999'999, 1, 294'967'295, 294'967'295, false}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    const auto got = bounds_of(policy(c.surge, c.away, c.floor), c.replicas);
    CHECK(got.min_available == c.bounds.min_available);
    CHECK(got.max_unavailable == c.bounds.max_unavailable);
    CHECK(got.max_surge == c.bounds.max_surge);
    CHECK(got.batch == c.bounds.batch);
    CHECK(got.surge_raised == c.bounds.surge_raised);
  }
}

TEST_CASE("whatever is asked for, something can always be replaced and the floor leaves room for it") {
  const std::vector<Amount> amounts{kNone,    count(0), count(1),  count(7),
                                    share(0), share(1), share(50), share(100)};
  const std::vector<std::optional<std::uint32_t>> floors{{}, 0, 1, 5, 50};
  for (std::uint32_t n = 0; n <= 50; ++n)
    for (const auto& surge : amounts)
      for (const auto& away : amounts)
        for (const auto& floor : floors) {
          const auto b = bounds_of(policy(surge, away, floor), n);
          CAPTURE(n);
          CHECK(b.min_available <= n);
          CHECK(b.min_available + b.max_unavailable <= n);
          CHECK(b.batch >= 1);
          CHECK((n == 0 || b.max_surge + b.max_unavailable > 0));
          if (floor) CHECK(b.min_available == std::min(*floor, n));
        }
}

TEST_CASE("stops that leave enough") {
  CHECK(safe_stops(4, 3) == 1);
  CHECK(safe_stops(3, 3) == 0);
  CHECK(safe_stops(2, 3) == 0);
  CHECK(safe_stops(5, 0) == 5);
}

TEST_CASE("a canary is at least one and never more than all") {
  CHECK(canary_size({{1, false}, {}}, 10) == 1);
  CHECK(canary_size({{0, false}, {}}, 10) == 1);
  CHECK(canary_size({{15, true}, {}}, 10) == 2);
  CHECK(canary_size({{99, false}, {}}, 10) == 10);
  CHECK(canary_size({{1, false}, {}}, 0) == 0);
}

}  // namespace cloudless
