#include "gateway/page_token.hpp"

#include <doctest/doctest.h>

using namespace cloudless;
using namespace cloudless::gateway;

TEST_CASE("a page token comes back as it was") {
  for (const PageToken& token :
       {PageToken{0, ""}, PageToken{7, "default/web"}, PageToken{~0ull, std::string("\0\xff/", 3)}}) {
    const auto back =
        decode_token(encode_token(token, "ListWorkloads\nns\napp=web"), "ListWorkloads\nns\napp=web");
    REQUIRE(back.has_value());
    CHECK(*back == token);
  }
}

TEST_CASE("a token of another list, of another filter, or a damaged one is refused by name") {
  const std::string list = "ListWorkloads\nns\n";
  const auto token = encode_token({12, "default/web"}, list);
  CHECK_FALSE(decode_token(token, "ListNodes\n").has_value());
  CHECK_FALSE(decode_token(token, "ListWorkloads\nother\n").has_value());
  for (const std::string& bad :
       {std::string("x"), std::string(40, 'g'), std::string(100'000, '0'), token + "0", token + "00"})
    CHECK_FALSE(decode_token(bad, list).has_value());
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto damaged = token;
    damaged[i] = damaged[i] == '0' ? '1' : '0';
    CAPTURE(i);
    const auto refused = decode_token(damaged, list);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::invalid_argument);
    CHECK(refused.error().violations.at(0).path == "page_token");
  }
}
