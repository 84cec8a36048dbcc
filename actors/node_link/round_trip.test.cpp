#include "actors/node_link/round_trip.hpp"

#include <doctest/doctest.h>

namespace cloudless::node_link {
namespace {

TEST_CASE("the round trip is the time from a lease to its own answer") {
  RoundTrip trip;
  CHECK(trip.millis() == 0);
  trip.sent(1, 1000);
  CHECK(trip.millis() == 0);
  trip.sent(2, 1500);
  trip.answered(2, 1540);
  CHECK(trip.millis() == 40);
  trip.answered(1, 1900);  // overtaken
  CHECK(trip.millis() == 40);
}

TEST_CASE("answers that are repeated, unknown or of an earlier connection count for nothing") {
  RoundTrip trip;
  trip.sent(1, 0);
  trip.answered(1, 40);
  trip.answered(1, 5);
  trip.answered(7, 5);
  CHECK(trip.millis() == 40);
  trip.sent(2, 100);
  trip.clear();
  trip.answered(2, 101);
  CHECK(trip.millis() == 0);
}

TEST_CASE("one answer that took long does not count, a way that became longer does before long") {
  RoundTrip trip;
  std::uint64_t sequence = 0;
  const auto lease = [&](Millis took) {
    const Millis now = static_cast<Millis>(++sequence) * 500;
    trip.sent(sequence, now);
    trip.answered(sequence, now + took);
  };
  for (int i = 0; i < 20; ++i) lease(30);
  lease(400);
  CHECK(trip.millis() == 30);
  for (std::size_t i = 0; i + 1 < RoundTrip::kRemembered; ++i) lease(80);
  CHECK(trip.millis() == 80);
  lease(10);
  CHECK(trip.millis() == 10);
}

TEST_CASE("leases that are never answered are not kept for ever") {
  RoundTrip trip;
  for (std::uint64_t sequence = 1; sequence <= RoundTrip::kAwaited + 1; ++sequence) trip.sent(sequence, 0);
  trip.answered(1, 20);
  CHECK(trip.millis() == 0);
  trip.answered(2, 20);
  CHECK(trip.millis() == 20);
}

}  // namespace
}  // namespace cloudless::node_link
