#include "actors/runtime/containerd/link_counters.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

TEST_CASE("links and their bytes are read from the kernel's table, whatever else is in it") {
  const auto links = link_counters(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop\n"
      "    lo:  616     8    0    0    0     0          0         0      617      8    0    0    0     0     "
      "  0      0\n"
      "clv0123456789a: 18446744073709551615 1 2 3 4 5 6 7 42 1 2 3 4 5 6 7\n"
      "  cut: 12 3\n"
      "  odd: x y z\n"
      "last: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0");
  REQUIRE(links.size() == 3);
  CHECK(links.at("lo") == LinkCounters{616, 617});
  CHECK(links.at("clv0123456789a") == LinkCounters{~0ull, 42});
  CHECK(links.at("last") == LinkCounters{1, 2});
  CHECK(link_counters("").empty());
}

}  // namespace
}  // namespace cloudless::runtime
