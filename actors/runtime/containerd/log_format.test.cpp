#include "actors/runtime/containerd/log_format.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace cloudless::runtime {
namespace {

std::string written(const LoggedLine& line) {
  std::string out;
  append_log_line(out, line);
  return out;
}

TEST_CASE("a line is written as CRI does") {
  CHECK(written({1767323045000000001, false, LineKind::full, 0, "hello"}) ==
        "2026-01-02T03:04:05.000000001Z stdout F hello\n");
  CHECK(written({0, true, LineKind::partial, 0, ""}) == "1970-01-01T00:00:00.000000000Z stderr P \n");
  CHECK(written({1709210096999999999, true, LineKind::dropped, 17, ""}) ==
        "2024-02-29T12:34:56.999999999Z stderr D 17 lines were dropped here: the disk was full\n");
}

TEST_CASE("what was written is read back the same") {
  std::mt19937_64 random(4711);
  for (int i = 0; i < 2000; ++i) {
    const std::string text(random() % 40, static_cast<char>(' ' + random() % 90));
    LoggedLine line{static_cast<std::int64_t>(random() % 4000000000000000000ULL), random() % 2 == 1,
                    LineKind::full, 0, text};
    if (i % 3 == 1) line.kind = LineKind::partial;
    if (i % 3 == 2) line = {line.time_nanos, line.is_stderr, LineKind::dropped, random() % 1000000, ""};
    auto bytes = written(line);
    bytes.pop_back();
    CAPTURE(bytes);
    const auto read = parse_log_line(bytes);
    REQUIRE(read.has_value());
    CHECK(read->time_nanos == line.time_nanos);
    CHECK(read->is_stderr == line.is_stderr);
    CHECK(read->kind == line.kind);
    CHECK(read->dropped == line.dropped);
    CHECK(read->text == line.text);
  }
}

TEST_CASE("what is no such line is said to be none") {
  const std::vector<std::string> cases = {
      "",
      "hello",
      "2026-01-02T03:04:05.000000001Z",
      "2026-01-02T03:04:05.000000001Z stdout F",
      "2026-01-02T03:04:05.000000001Z stdxxx F text",
      "2026-01-02T03:04:05.000000001Z stdout X text",
      "2026-02-30T03:04:05.000000001Z stdout F text",
      "2026-01-02 03:04:05.000000001Z stdout F text",
      "2026-01-02T03:04:05.00000000-Z stdout F text",
      "2026-01-02T03:04:05.000000001Z stdout D many lines",
      "2026-01-02T03:04:05.000000001Z stdout D ",
  };
  for (const auto& text : cases) {
    CAPTURE(text);
    CHECK_FALSE(parse_log_line(text).has_value());
  }
}

}  // namespace
}  // namespace cloudless::runtime
