#include "messages/domain/selector.hpp"

#include <doctest/doctest.h>

#include <string>

namespace cloudless {

TEST_CASE("a selector matches labels term by term") {
  const Labels labels{{"app", "web"}, {"tier", "front"}, {"empty", ""}};
  const struct {
    const char* selector;
    bool matches;
  } cases[] = {
      {"", true},
      {"  ", true},
      {"app=web", true},
      {"app==web", true},
      {"app=db", false},
      {"app!=db", true},
      {"app!=web", false},
      {"other!=x", true},
      {"app", true},
      {"other", false},
      {"!other", true},
      {"!app", false},
      {"empty=", true},
      {"empty", true},
      {"app=web,tier", true},
      {"app=web,!tier", false},
      {" app = web , tier != back ", true},
      {"other=", false},
      {"app=web,tier=front,empty,!x", true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.selector);
    const auto selector = parse_selector(c.selector);
    REQUIRE(selector.has_value());
    CHECK(selector->matches(labels) == c.matches);
  }
}

TEST_CASE("a selector that is none is refused with the term that is wrong") {
  for (const char* bad :
       {",", "a,,b", "a,", "=x", "!=x", "!", "!!a", "a=b=c", "a b", "ü", "a in (b)", "!a=b"}) {
    CAPTURE(bad);
    const auto selector = parse_selector(bad);
    REQUIRE_FALSE(selector.has_value());
    CHECK(selector.error().code == Errc::invalid_argument);
    CHECK(selector.error().violations.size() == 1);
    CHECK(selector.error().violations[0].path == "label_selector");
  }
  std::string many = "a";
  for (int i = 0; i < 64; ++i) many += ",a";
  CHECK_FALSE(parse_selector(many).has_value());
}

}  // namespace cloudless
