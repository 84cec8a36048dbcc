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
  CHECK(written({0, false, LineKind::dropped, 5, "", Dropped::rate_limit}) ==
        "1970-01-01T00:00:00.000000000Z stdout D 5 lines were dropped here: the rate limit\n");
  CHECK(written({0, false, LineKind::numbered, 70, ""}) ==
        "1970-01-01T00:00:00.000000000Z stdout N 70 lines of this stream came before this file\n");
}

TEST_CASE("what was written is read back the same") {
  std::mt19937_64 random(4711);
  for (int i = 0; i < 2000; ++i) {
    const std::string text(random() % 40, static_cast<char>(' ' + random() % 90));
    LoggedLine line{static_cast<std::int64_t>(random() % 4000000000000000000ULL), random() % 2 == 1,
                    LineKind::full, 0, text};
    if (i % 3 == 1) line.kind = LineKind::partial;
    if (i % 3 == 2)
      line = {line.time_nanos,
              line.is_stderr,
              i % 2 == 0 ? LineKind::dropped : LineKind::numbered,
              random() % 1000000,
              "",
              i % 4 < 2 && i % 2 == 0 ? Dropped::rate_limit : Dropped::disk_full};
    auto bytes = written(line);
    bytes.pop_back();
    CAPTURE(bytes);
    const auto read = parse_log_line(bytes);
    REQUIRE(read.has_value());
    CHECK(read->time_nanos == line.time_nanos);
    CHECK(read->is_stderr == line.is_stderr);
    CHECK(read->kind == line.kind);
    CHECK(read->count == line.count);
    CHECK(read->reason == line.reason);
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
      "2026-01-02T03:04:05.000000001Z stdout N many",
  };
  for (const auto& text : cases) {
    CAPTURE(text);
    CHECK_FALSE(parse_log_line(text).has_value());
  }
}

TEST_CASE("a container's log files are told apart by their numbers, and strangers are told from them") {
  CHECK(numbered_log("/logs/web-1.log", 0) == "/logs/web-1.log");
  CHECK(numbered_log("/logs/web-1.log", 12) == "/logs/web-1.log.12");
  for (const std::uint32_t number : {0u, 1u, 12u, 4000000000u}) {
    const auto file = numbered_log("web-1.log", number);
    const auto name = parse_log_name(file);
    REQUIRE_MESSAGE(name.has_value(), file);
    CHECK(name->name == "web-1");
    CHECK(name->number == number);
  }
  for (const auto* file : {"", ".log", "web", "web.log.", "web.log.x", "web.log.0", "web.log.01", "web.log1",
                           "web.log.4294967296", "web.log.1.gz"}) {
    CAPTURE(file);
    CHECK_FALSE(parse_log_name(file).has_value());
  }
}

}  // namespace
}  // namespace cloudless::runtime
