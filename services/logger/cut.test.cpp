#include "services/logger/cut.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace cloudless::logger {
namespace {

using runtime::Dropped;
using runtime::LineKind;

constexpr std::int64_t kTime = 1'000'000'000;

/// Records in short: "F<text>|P<text>|D<count> by <reason>|".
std::string brief(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto record = runtime::parse_log_line(text.substr(0, end));
    REQUIRE(record.has_value());
    out += static_cast<char>(record->kind);
    if (record->kind == LineKind::dropped)
      out += std::to_string(record->count) + (record->reason == Dropped::rate_limit ? " rate" : " disk");
    else
      out += record->text;
    out += '|';
    text.remove_prefix(end + 1);
  }
  return out;
}

TEST_CASE("whole lines become records, an unfinished one waits, is flushed as a piece, or ends the stream") {
  struct Case {
    std::string bytes;
    CutMode mode;
    std::string records;
    std::size_t taken;
  };
  const Case cases[] = {
      {"", CutMode::lines, "", 0},
      {"", CutMode::end, "", 0},
      {"one\ntwo\n", CutMode::lines, "Fone|Ftwo|", 8},
      {"\n\n", CutMode::lines, "F|F|", 2},
      {"one\ntw", CutMode::lines, "Fone|", 4},
      {"one\ntw", CutMode::all, "Fone|Ptw|", 6},
      {"one\ntw", CutMode::end, "Fone|Ftw|", 6},
      {std::string("a\0b\r\n\xff\n", 7), CutMode::lines, std::string("Fa\0b\r|F\xff|", 9), 7},
  };
  for (const auto& c : cases) {
    CAPTURE(c.bytes);
    const auto out = cut({}, c.bytes, false, kTime, c.mode);
    CHECK(brief(out.text) == c.records);
    CHECK(out.taken == c.taken);
    CHECK(out.after.processed == c.taken);
  }
}

TEST_CASE("a line longer than 16 KiB comes in pieces, and only its end is a whole record") {
  const std::string line(40'000, 'x');
  const auto out = cut({}, line + "\n", false, kTime, CutMode::lines);
  CHECK(brief(out.text) == "P" + std::string(kLongestPiece, 'x') + "|P" + std::string(kLongestPiece, 'x') +
                               "|F" + std::string(40'000 - 2 * kLongestPiece, 'x') + "|");
  CHECK(out.after.lines == 1);
  const std::string exactly(kLongestPiece, 'y');
  CHECK(brief(cut({}, exactly + "\n", false, kTime, CutMode::lines).text) == "F" + exactly + "|");
  CHECK(cut({}, exactly, false, kTime, CutMode::lines).taken == 0);
}

TEST_CASE("a line that was begun is ended with its stream") {
  StreamState state;
  state.in_line = 1;
  CHECK(brief(cut(state, "", false, kTime, CutMode::end).text) == "F|");
  CHECK(brief(cut(state, "rest", false, kTime, CutMode::end).text) == "Frest|");
}

TEST_CASE("what is dropped is counted once per line, wherever the bytes are cut") {
  std::mt19937_64 random(20261120);
  for (int round = 0; round < 500; ++round) {
    std::string bytes;
    std::uint64_t lines = 0;
    for (unsigned n = random() % 20; n > 0; --n, ++lines) bytes += std::string(random() % 5, 'x') + "\n";
    if (random() % 2 == 0) {
      bytes += "tail";
      ++lines;
    }
    StreamState state;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto step = std::min<std::size_t>(1 + random() % 7, bytes.size() - at);
      state = drop(state, std::string_view(bytes).substr(at, step), Dropped::rate_limit);
      at += step;
    }
    CAPTURE(round);
    CHECK(state.dropped[static_cast<int>(Dropped::rate_limit)] == lines);
    CHECK(state.processed == bytes.size());
  }
}

TEST_CASE("after a drop the rest of the line goes too, and a marker stands before the next one") {
  auto state = drop({}, "one\ntwo, which is", Dropped::rate_limit);
  auto out = cut(state, " long", false, kTime, CutMode::lines);
  CHECK(out.text.empty());
  CHECK(out.taken == 5);
  out = cut(out.after, "er\nthree\n", false, kTime, CutMode::lines);
  CHECK(brief(out.text) == "D2 rate|Fthree|");
  CHECK_FALSE(out.after.owes_marker());
  CHECK(out.after.lines == 3);
}

TEST_CASE("a marker waits for a line, but not when nothing comes") {
  const auto state = drop({}, "lost\n", Dropped::disk_full);
  CHECK(cut(state, "unfini", false, kTime, CutMode::lines).text.empty());
  CHECK(cut(state, "unfini", false, kTime, CutMode::lines).after.owes_marker());
  CHECK(brief(cut(state, "", false, kTime, CutMode::all).text) == "D1 disk|");
}

TEST_CASE("a line whose beginning is in the log and whose rest is dropped counts as dropped") {
  StreamState state;
  state.in_line = 1;
  state = drop(state, "rest\n", Dropped::rate_limit);
  const auto out = cut(state, "next\n", false, kTime, CutMode::lines);
  CHECK(brief(out.text) == "D1 rate|Fnext|");
  CHECK(out.after.in_line == 0);
}

TEST_CASE("records that found no space are counted, line by line, and those that did stay") {
  StreamState before;
  before.dropped[0] = 7;
  const auto out = cut(before, "one\ntwo\nthree\n", false, kTime, CutMode::lines);
  REQUIRE(brief(out.text) == "D7 disk|Fone|Ftwo|Fthree|");
  for (std::size_t written = 0; written < out.text.size(); ++written) {
    std::size_t kept = 0;
    const auto after = shortened(before, out, written, kept);
    CAPTURE(written);
    CHECK(kept <= written);
    const auto records = brief(std::string_view(out.text).substr(0, kept));
    const auto there = static_cast<std::uint64_t>(std::count(records.begin(), records.end(), 'F'));
    const bool marked = kept > 0;
    CHECK(after.dropped[0] == 3 - there + (marked ? 0 : 7));
    CHECK(after.lines == there + (marked ? 7 : 0));
    CHECK(after.losing == 0);
  }
}

TEST_CASE("a line of which a piece found no space counts once, and its rest is not begun anew") {
  const std::string line(3 * kLongestPiece, 'x');
  const auto out = cut({}, line, false, kTime, CutMode::lines);
  std::size_t kept = 0;
  const auto after = shortened({}, out, out.text.size() - 1, kept);
  CHECK(after.dropped[0] == 1);
  CHECK(after.losing == 1);
  const auto rest = cut(after, "rest of it\nnext\n", false, kTime, CutMode::lines);
  CHECK(brief(rest.text) == "D1 disk|Fnext|");
}

TEST_CASE("every line of any bytes is in the log or counted, whatever is dropped and wherever space ends") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    std::uint64_t lines = 0;
    for (; lines < 200; ++lines) {
      std::string line(random() % (lines % 20 == 0 ? 50'000 : 40), '\0');
      for (auto& c : line) do
          c = static_cast<char>(random());
        while (c == '\n');
      bytes += line + '\n';
    }
    std::string log;
    StreamState state;
    std::size_t at = 0;
    while (at < bytes.size()) {
      const auto step = std::min<std::size_t>(1 + random() % 40'000, bytes.size() - at);
      const auto slice = std::string_view(bytes).substr(at, step);
      if (random() % 4 == 0) {
        state = drop(state, slice, Dropped::rate_limit);
        at += step;
        continue;
      }
      const auto mode = random() % 3 == 0 ? CutMode::all : CutMode::lines;
      const auto out = cut(state, slice, false, kTime, mode);
      at += out.taken;
      std::size_t kept = out.text.size();
      if (random() % 4 == 0 && !out.text.empty())
        state = shortened(state, out, random() % out.text.size(), kept);
      else
        state = out.after;
      log += out.text.substr(0, kept);
      if (out.taken == 0 && slice.size() + at == bytes.size()) break;
    }
    const auto last = cut(state, std::string_view(bytes).substr(at), false, kTime, CutMode::end);
    log += last.text;
    std::uint64_t accounted = 0;
    for (std::size_t from = 0; from < log.size();) {
      const auto end = log.find('\n', from);
      const auto record = runtime::parse_log_line(std::string_view(log).substr(from, end - from));
      REQUIRE(record.has_value());
      accounted += record->kind == LineKind::dropped ? record->count : record->kind == LineKind::full ? 1 : 0;
      from = end + 1;
    }
    CAPTURE(round);
    CHECK(accounted == lines);
    CHECK(last.after.lines == lines);
  }
}

}  // namespace
}  // namespace cloudless::logger
