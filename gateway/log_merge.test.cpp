#include "gateway/log_merge.hpp"

#include <doctest/doctest.h>

using namespace cloudless;
using namespace cloudless::gateway;

namespace {

LogLine at(std::int64_t time, const std::string& text) {
  LogLine line;
  line.time_nanos = time;
  line.line = text;
  return line;
}

std::string words(const std::vector<MergedLine>& lines) {
  std::string out;
  for (const auto& l : lines) out += l.session.value + l.line.line + " ";
  return out;
}

const SessionId kA{"a"};
const SessionId kB{"b"};

}  // namespace

TEST_CASE("lines of several replicas come in order of time, and wait for a silent one until flushed") {
  LogMerge merge;
  merge.open(kA);
  merge.open(kB);
  merge.add(kA, {at(1, "1"), at(4, "4")});
  CHECK(merge.take(1 << 20, MergeWait::for_all).empty());
  merge.add(kB, {at(2, "2"), at(3, "3")});
  CHECK(words(merge.take(1 << 20, MergeWait::for_all)) == "a1 b2 b3 ");
  CHECK(words(merge.take(1 << 20, MergeWait::for_none)) == "a4 ");
  CHECK_FALSE(merge.finished());
}

TEST_CASE("a session that has caught up is waited for only a moment, one with a backlog longer") {
  LogMerge merge;
  merge.open(kA);
  merge.open(kB);
  merge.add(kA, {at(1, "1")});
  CHECK(merge.take(1 << 20, MergeWait::for_backlog).empty());
  CHECK_FALSE(merge.empty());
  merge.caught_up(kB);
  CHECK(merge.take(1 << 20, MergeWait::for_all).empty());
  CHECK(words(merge.take(1 << 20, MergeWait::for_backlog)) == "a1 ");
  CHECK(merge.empty());
}

TEST_CASE("nothing waits for a session that ended, and its last lines are not lost") {
  LogMerge merge;
  merge.open(kA);
  merge.open(kB);
  merge.add(kA, {at(5, "5")});
  merge.add(kB, {at(7, "7")});
  merge.end(kB);
  CHECK_FALSE(merge.is_open(kB));
  CHECK(words(merge.take(1 << 20, MergeWait::for_all)) == "a5 ");
  merge.end(kA);
  CHECK(words(merge.take(1 << 20, MergeWait::for_all)) == "b7 ");
  CHECK(merge.finished());
}

TEST_CASE("one taking is limited, and what is left comes with the next") {
  LogMerge merge;
  merge.open(kA);
  for (int i = 0; i < 10; ++i) merge.add(kA, {at(i, std::string(100, 'x'))});
  std::size_t lines = 0;
  for (int rounds = 0; rounds < 5; ++rounds) {
    const auto some = merge.take(2 * session_bytes(at(0, std::string(100, 'x'))), MergeWait::for_all);
    CHECK(some.size() == 2);
    lines += some.size();
  }
  CHECK(lines == 10);
  CHECK(merge.take(2 * session_bytes(at(0, std::string(100, 'x'))), MergeWait::for_all).empty());
}
