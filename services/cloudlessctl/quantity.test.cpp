#include "services/cloudlessctl/quantity.hpp"

#include <doctest/doctest.h>

namespace cloudless::cli {

TEST_CASE("amounts are read with their units") {
  CHECK(parse_cores("500m") == 500);
  CHECK(parse_cores("0.5") == 500);
  CHECK(parse_cores("2") == 2000);
  CHECK(parse_cores("0.0001") == 1);
  CHECK(parse_bytes("1024") == 1024);
  CHECK(parse_bytes("64Mi") == 64 << 20);
  CHECK(parse_bytes("1.5Ki") == 1536);
  CHECK(parse_bytes("2G") == 2'000'000'000);
  CHECK(parse_bytes("0.1k") == 100);
  CHECK(parse_duration("10") == 10'000);
  CHECK(parse_duration("250ms") == 250);
  CHECK(parse_duration("1.5m") == 90'000);
  CHECK(parse_duration("2h") == 7'200'000);
  CHECK(parse_whole_number("18446744073709551615") == ~0ULL);
}

TEST_CASE("what is no amount is none") {
  for (const char* bad : {"", "m", "-1", "+1", "1 ", " 1", "1e3", "0x10", "1.", ".5", "1.5.5", "1Mm", "Mi",
                          "five", "1,5", "99999999999999999999", "0.0000000001", "18446744073709551615Pi"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_cores(bad).has_value());
    CHECK_FALSE(parse_bytes(bad).has_value());
    CHECK_FALSE(parse_whole_number(bad).has_value());
  }
  CHECK_FALSE(parse_bytes("500m").has_value());
  CHECK_FALSE(parse_cores("64Mi").has_value());
}

}  // namespace cloudless::cli
