#include "actors/runtime/usage_book.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

ContainerUsage seen(const std::string& name, UsageCounters total) {
  return {ContainerId{name + "-1"}, ReplicaId{name}, total, 1 << 20, 3};
}

TEST_CASE("the first look has totals and no rates, the next has both") {
  UsageBook book{NodeId{"n1"}};
  book.take({seen("b", {1'000'000'000, 100, 200, 300, 400}), seen("a", {})}, 5000, 77);
  CHECK(book.usage().node == NodeId{"n1"});
  CHECK(book.usage().sampled_at == 77);
  REQUIRE(book.usage().replicas.size() == 2);
  CHECK(book.usage().replicas[0].now.replica == ReplicaId{"a"});
  CHECK(book.usage().replicas[1].window == 0);
  CHECK(book.usage().replicas[1].rate == UsageRates{});
  CHECK(book.usage().replicas[1].now.memory_bytes == 1 << 20);

  // Half a core for two seconds; bytes per second.
  book.take({seen("b", {2'000'000'000, 2100, 200, 4300, 401})}, 7000, 78);
  REQUIRE(book.usage().replicas.size() == 1);
  const auto& b = book.usage().replicas[0];
  CHECK(b.window == 2000);
  CHECK(b.rate == UsageRates{500, 1000, 0, 2000, 0});
  CHECK(b.now.total.cpu_nanos == 2'000'000'000);
}

TEST_CASE("a counter that began anew, and a clock that stands, give no rates") {
  UsageBook book{NodeId{"n1"}};
  book.take({seen("a", {9'000'000'000, 50, 50, 50, 50})}, 1000, 1);
  book.take({seen("a", {1'000'000, 60, 10, 60, 10})}, 2000, 2);
  CHECK(book.usage().replicas[0].rate == UsageRates{0, 10, 0, 10, 0});
  book.take({seen("a", {2'000'000'000, 70, 20, 70, 20})}, 2000, 2);
  CHECK(book.usage().replicas[0].window == 0);
  CHECK(book.usage().replicas[0].rate == UsageRates{});
}

TEST_CASE("totals beyond 2^54 do not overflow") {
  UsageBook book{NodeId{"n1"}};
  book.take({seen("a", {})}, 0, 0);
  book.take({seen("a", {~0ull, ~0ull, 0, 0, 0})}, 1000, 1);
  CHECK(book.usage().replicas[0].rate.network_received_bps == ~0ull);
}

}  // namespace
}  // namespace cloudless::runtime
