#include "actors/runtime/log_reader.hpp"

#include <doctest/doctest.h>

#include <string>

#include "actors/runtime/containerd/log_format.hpp"

namespace cloudless::runtime {
namespace {

const ContainerId kContainer{"web-1"};
constexpr std::int64_t kSecond = 1'000'000'000;

std::string record(std::int64_t second, const std::string& text, bool is_stderr = false,
                   LineKind kind = LineKind::full) {
  std::string out;
  append_log_line(out, {second * kSecond, is_stderr, kind, 3, text});
  return out;
}

std::vector<std::string> texts(const LogPiece& piece) {
  std::vector<std::string> out;
  for (const auto& line : piece.lines) out.push_back(line.line);
  return out;
}

LogPiece read(const std::string& bytes, const LogFilter& filter = {}, std::uint64_t credit = 1 << 20) {
  return read_piece(bytes, filter, kContainer, credit, 0);
}

}  // namespace

TEST_CASE("whole records become lines, and the one that is being written waits") {
  const std::string whole = record(1, "one") + record(2, "two", true);
  const auto piece = read(whole + record(3, "three").substr(0, 20));
  CHECK(texts(piece) == std::vector<std::string>{"one", "two"});
  CHECK(piece.consumed == whole.size());
  CHECK(piece.lines[0].time_nanos == kSecond);
  CHECK_FALSE(piece.lines[0].is_stderr);
  CHECK(piece.lines[1].is_stderr);
  CHECK(piece.lines[1].container == kContainer);
}

TEST_CASE("streams and times are filtered, and what is no record is passed over") {
  const std::string bytes = record(1, "a") + "torn rest of a crash\n" + record(2, "b", true) + record(3, "c");
  CHECK(texts(read(bytes, {true, false, {}})) == std::vector<std::string>{"a", "c"});
  CHECK(texts(read(bytes, {false, true, {}})) == std::vector<std::string>{"b"});
  CHECK(texts(read(bytes, {true, true, 2 * kSecond})) == std::vector<std::string>{"c"});
  CHECK(read(bytes, {false, false, {}}).consumed == bytes.size());
}

TEST_CASE("a marker stands for the lines that were lost, with the reason") {
  std::string bytes = record(1, "one");
  append_log_line(bytes, {kSecond, false, LineKind::dropped, 6, "", Dropped::rate_limit});
  append_log_line(bytes, {kSecond, false, LineKind::numbered, 7, ""});
  append_log_line(bytes, {kSecond, true, LineKind::dropped, 1, "", Dropped::disk_full});
  const auto piece = read(bytes);
  REQUIRE(piece.lines.size() == 3);
  CHECK(piece.lines[0].drop_reason == DropReason::none);
  CHECK(piece.lines[1].dropped_before == 6);
  CHECK(piece.lines[1].drop_reason == DropReason::rate_limit);
  CHECK(piece.lines[1].line.empty());
  CHECK(piece.lines[2].is_stderr);
  CHECK(piece.lines[2].drop_reason == DropReason::disk_full);
  CHECK(piece.consumed == bytes.size());
}

TEST_CASE("a line knows its place in the log, behind which a reading goes on") {
  const std::string bytes = record(1, "one") + record(2, "two") + record(3, "three");
  const auto piece = read_piece(bytes, {}, kContainer, 1 << 20, 1000);
  REQUIRE(piece.lines.size() == 3);
  const auto rest = static_cast<std::size_t>(piece.lines[1].position - 1000);
  CHECK(texts(read(bytes.substr(rest))) == std::vector<std::string>{"three"});
  CHECK(piece.lines[2].position == 1000 + bytes.size());
}

TEST_CASE("a piece never costs more than the credit, and its rest comes with more") {
  std::string bytes;
  for (int n = 0; n < 100; ++n) bytes += record(n, "line " + std::to_string(n));
  std::vector<std::string> all;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto piece = read(bytes.substr(at), {}, 500);
    CHECK(piece.cost <= 500);
    REQUIRE(piece.consumed > 0);
    for (auto& text : texts(piece)) all.push_back(std::move(text));
    at += piece.consumed;
  }
  REQUIRE(all.size() == 100);
  CHECK(all[42] == "line 42");
  CHECK(read(bytes, {}, 10).out_of_credit);
  CHECK(read(bytes, {}, 10).consumed == 0);
}

TEST_CASE("a piece stays below 64 KiB however much credit there is") {
  std::string bytes;
  for (int n = 0; n < 20; ++n) bytes += record(n, std::string(16 << 10, 'x'));
  const auto piece = read(bytes, {}, 1 << 30);
  CHECK(piece.cost <= kMostPiece);
  CHECK(piece.lines.size() == 3);
  CHECK_FALSE(piece.out_of_credit);
}

TEST_CASE("the tail begins where the last lines do") {
  std::string bytes;
  for (int n = 1; n <= 5; ++n) bytes += record(n, "line " + std::to_string(n), n % 2 == 0);
  struct Case {
    std::uint32_t count;
    LogFilter filter;
    std::vector<std::string> lines;
    std::uint32_t missing;
  };
  const Case cases[] = {{2, {}, {"line 4", "line 5"}, 0},
                        {5, {}, {"line 1", "line 2", "line 3", "line 4", "line 5"}, 0},
                        {9, {}, {"line 1", "line 2", "line 3", "line 4", "line 5"}, 4},
                        {2, {true, false, {}}, {"line 3", "line 5"}, 0},
                        {4, {true, true, 3 * kSecond}, {"line 4", "line 5"}, 2},
                        {0, {}, {}, 0}};
  for (const auto& c : cases) {
    CAPTURE(c.count);
    std::uint32_t count = c.count;
    const auto start = tail_start(bytes, c.filter, count);
    CHECK(texts(read(bytes.substr(start), c.filter)) == c.lines);
    CHECK(count == c.missing);
  }
}

TEST_CASE("a line in pieces counts as one in the tail") {
  const std::string bytes =
      record(1, "first") + record(2, "par", false, LineKind::partial) + record(2, "tial") + record(3, "last");
  std::uint32_t count = 2;
  CHECK(texts(read(bytes.substr(tail_start(bytes, {}, count)))) ==
        std::vector<std::string>{"par", "tial", "last"});
}

}  // namespace cloudless::runtime
