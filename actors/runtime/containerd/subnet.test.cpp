#include "actors/runtime/containerd/subnet.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

TEST_CASE("a range of addresses is read, or refused with what is wrong") {
  const auto subnet = parse_subnet("10.87.0.0/16");
  REQUIRE(subnet.has_value());
  CHECK(to_string(subnet->gateway()) == "10.87.0.1");
  CHECK(to_string(subnet->broadcast()) == "10.87.255.255");
  CHECK(subnet->prefix == 16);
  for (const char* bad :
       {"", "10.87.0.0", "10.87.0.0/", "10.87.0.0/30", "10.87.0.0/7", "10.87.0/16", "x/16", "10.87.0.1/16"}) {
    CAPTURE(bad);
    CHECK(parse_subnet(bad).error().code == Errc::invalid_argument);
  }
  CHECK(parse_subnet("10.87.3.1/16").error().message.find("10.87.0.0") != std::string::npos);
}

TEST_CASE(
    "a small range is handed out whole: never the network, the bridge or the broadcast address, never one "
    "twice") {
  const auto subnet = *parse_subnet("10.1.2.0/29");
  std::set<Ipv4> taken;
  for (int i = 0; i < 5; ++i) {
    const auto address = choose_address(subnet, taken, "replica-" + std::to_string(i));
    REQUIRE(address.has_value());
    CHECK(*address > subnet.gateway());
    CHECK(*address < subnet.broadcast());
    CHECK(taken.insert(*address).second);
  }
  const auto none = choose_address(subnet, taken, "one-more");
  CHECK(none.error().code == Errc::resource_exhausted);
}

TEST_CASE("the same key gets the same address, and a new key rarely one that was just given back") {
  const auto subnet = *parse_subnet("10.87.0.0/16");
  CHECK(*choose_address(subnet, {}, "a") == *choose_address(subnet, {}, "a"));
  int same = 0;
  for (int i = 0; i < 1000; ++i)
    same += *choose_address(subnet, {}, "replica-" + std::to_string(i)) ==
            *choose_address(subnet, {}, "replica-" + std::to_string(i + 1));
  CHECK(same <= 1);
}

}  // namespace
}  // namespace cloudless::runtime
