#include "actors/runtime/containerd/pull_news.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

TEST_CASE("a pull tells large steps, not every look") {
  PullNews news(0);
  CHECK_FALSE(news.tell(0, 0, 500));
  CHECK_FALSE(news.tell(10 * kMiB, 80 * kMiB, 1000));
  CHECK(news.tell(31 * kMiB, 80 * kMiB, 2000) == "pulling, 31 of 80 MiB");
  // Too soon, then too little, then both enough.
  CHECK_FALSE(news.tell(60 * kMiB, 80 * kMiB, 3000));
  CHECK_FALSE(news.tell(35 * kMiB, 80 * kMiB, 5000));
  CHECK(news.tell(60 * kMiB, 80 * kMiB, 5500) == "pulling, 60 of 80 MiB");
  PullNews small(0);
  CHECK(small.tell(2048, 4000, 2000) == "pulling, 2 of 4 KiB");
}

TEST_CASE("a pull of any size tells at most ten times") {
  for (const std::int64_t size : {std::int64_t{1}, std::int64_t{999}, 5 * kMiB, 100'000 * kMiB}) {
    PullNews news(0);
    int told = 0;
    for (int i = 0; i <= 1000; ++i) told += news.tell(size * i / 1000, size, i * 5000).has_value() ? 1 : 0;
    CHECK(told <= 10);
    CHECK(told >= 1);
  }
}

TEST_CASE("no byte for long is a stall, unless all are there") {
  PullNews news(0);
  CHECK_FALSE(news.stalled(60'000, 59'999));
  CHECK(news.stalled(60'000, 60'000));
  (void)news.tell(10, 100, 50'000);
  CHECK_FALSE(news.stalled(60'000, 100'000));
  CHECK(news.stalled(60'000, 110'000));
  (void)news.tell(100, 100, 110'000);
  CHECK_FALSE(news.stalled(60'000, 900'000));
}

TEST_CASE("after a failure requests get its error for a pause that doubles up to 30 s") {
  PullPause pause;
  CHECK_FALSE(pause.refusal(0));
  Millis now = 0;
  for (const Millis expected : {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000}) {
    pause.failed({Errc::unavailable, "away", {}}, now);
    REQUIRE(pause.refusal(now + expected - 1));
    CHECK(pause.refusal(now + expected - 1)->message == "away");
    CHECK_FALSE(pause.refusal(now + expected));
    now += expected;
  }
}

}  // namespace
}  // namespace cloudless::runtime
