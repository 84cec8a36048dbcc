#include "actors/runtime/log_follower.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "actors/runtime/container_log.hpp"
#include "actors/runtime/containerd/log_format.hpp"

namespace cloudless::runtime {
namespace {

/// Logs of a machine, and what one reading of them brought.
class LogBench {
 public:
  LogBench() {
    char name[] = "/tmp/cloudless-logs.XXXXXX";
    dir_ = ::mkdtemp(name);
    auto made = make_log_follower(dir_);
    REQUIRE(made);
    store_ = std::move(*made);
  }
  ~LogBench() {
    reading.reset();
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  /// To the file of that number.
  void write(const std::string& container, const std::string& text, std::uint32_t number = 0,
             LineKind kind = LineKind::full, std::uint64_t count = 0) {
    std::string bytes;
    append_log_line(bytes, {++time_ * 1'000'000, false, kind, count, text});
    std::ofstream(file(container, number), std::ios::binary | std::ios::app) << bytes;
  }
  /// As a logger begins a file: `count` lines came before it.
  void begin_file(const std::string& container, std::uint32_t number, std::uint64_t count) {
    write(container, {}, number, LineKind::numbered, count);
  }
  void remove(const std::string& container, std::uint32_t number) {
    std::filesystem::remove(file(container, number));
  }

  void open(LogRequest request) {
    reading = store_->open(std::move(request), [this](LogBatch batch) {
      std::lock_guard lock(mutex_);
      for (auto& line : batch.lines) {
        bytes_ += session_bytes(line);
        if (line.drop_reason != DropReason::none)
          lines_.push_back("[" + std::to_string(line.dropped_before) + " lost]");
        else
          lines_.push_back(std::move(line.line));
        last_ = {line.container, line.position};
      }
      caught_up_ += batch.caught_up ? 1 : 0;
      ended_ = ended_ || batch.ended;
      if (batch.ended) error_ = batch.error;
      changed_.notify_all();
    });
  }

  template <class Condition>
  bool until(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }
  bool until_lines(std::size_t count) {
    return until([&] { return lines_.size() >= count; });
  }
  bool until_ended() {
    return until([&] { return ended_; });
  }
  std::vector<std::string> lines() {
    std::lock_guard lock(mutex_);
    return lines_;
  }
  std::uint64_t bytes() {
    std::lock_guard lock(mutex_);
    return bytes_;
  }
  Error error() {
    std::lock_guard lock(mutex_);
    return error_;
  }
  LogPosition last() {
    std::lock_guard lock(mutex_);
    return last_;
  }
  bool until_caught_up() {
    return until([&] { return caught_up_ > 0; });
  }
  int caught_up() {
    std::lock_guard lock(mutex_);
    return caught_up_;
  }
  /// For another reading.
  void clear() {
    reading.reset();
    std::lock_guard lock(mutex_);
    lines_.clear();
    ended_ = false;
    caught_up_ = 0;
  }

  std::unique_ptr<LogReading> reading;

 private:
  std::string file(const std::string& container, std::uint32_t number) const {
    return numbered_log(dir_ + "/" + container + ".log", number);
  }

  std::string dir_;
  std::unique_ptr<LogStore> store_;
  std::int64_t time_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::uint64_t bytes_ = 0;
  LogPosition last_;
  int caught_up_ = 0;
  bool ended_ = false;
  Error error_{Errc::none, {}, {}};
};

LogRequest request(std::vector<std::string> containers, bool follow = false, std::uint64_t credit = 1 << 20) {
  LogRequest out;
  for (auto& name : containers) out.containers.push_back(ContainerId{std::move(name)});
  out.query.container = out.containers.empty() ? ContainerId{} : out.containers.front();
  out.query.follow = follow;
  out.more_may_come = follow;
  out.credit = credit;
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a log is read to its end, attempt after attempt") {
  LogBench bench;
  bench.write("web-1", "one");
  bench.write("web-3", "three");
  bench.open(request({"web-1", "web-2", "web-3"}));
  REQUIRE(bench.until_ended());
  CHECK(bench.lines() == Lines{"one", "three"});
  CHECK(bench.error().code == Errc::none);
}

TEST_CASE("a log that is not kept here is not found") {
  LogBench bench;
  bench.open(request({"nothing"}));
  REQUIRE(bench.until_ended());
  CHECK(bench.error().code == Errc::not_found);
}

TEST_CASE("following brings new lines, the next attempt's, and ends when told") {
  LogBench bench;
  bench.open(request({"web-1"}, true));
  bench.write("web-1", "one");  // the file comes after the reading
  REQUIRE(bench.until_lines(1));
  bench.write("web-1", "two");
  REQUIRE(bench.until_lines(2));
  bench.write("web-2", "three");
  bench.reading->add_container(ContainerId{"web-2"});
  REQUIRE(bench.until_lines(3));
  bench.write("web-2", "last");
  bench.reading->finish();
  REQUIRE(bench.until_ended());
  CHECK(bench.lines() == Lines{"one", "two", "three", "last"});
}

TEST_CASE("never more than the credit is delivered, and a grant brings the rest") {
  LogBench bench;
  for (int n = 0; n < 1000; ++n) bench.write("web-1", "line " + std::to_string(n));
  bench.open(request({"web-1"}, false, 1500));
  REQUIRE(bench.until_lines(10));
  for (unsigned grants = 1; bench.lines().size() < 1000; ++grants) {
    REQUIRE(grants < 1000);
    const auto before = bench.lines().size();
    bench.reading->grant(20'000);
    REQUIRE(bench.until_lines(std::min<std::size_t>(1000, before + 100)));
    CHECK(bench.bytes() <= 1500u + 20'000u * grants);
  }
  REQUIRE(bench.until_ended());
  CHECK(bench.lines()[999] == "line 999");
}

TEST_CASE("the tail reaches over attempts") {
  LogBench bench;
  for (int n = 0; n < 5000; ++n) bench.write("web-1", "first " + std::to_string(n));
  bench.write("web-2", "second 0");
  auto asked = request({"web-1", "web-2"});
  asked.query.tail_lines = 3;
  bench.open(std::move(asked));
  REQUIRE(bench.until_ended());
  CHECK(bench.lines() == Lines{"first 4998", "first 4999", "second 0"});
}

TEST_CASE("a replica that is not here any more is found by its files") {
  LogBench bench;
  const ReplicaId replica{"web-00000000ab-7"};
  bench.write("web-00000000ab-7-9", "nine");
  bench.write("web-00000000ab-7-10", "ten");
  bench.write("web-00000000ab-70-1", "a stranger's");
  LogRequest asked;
  asked.query.replica = replica;
  asked.credit = 1 << 20;
  bench.open(std::move(asked));
  REQUIRE(bench.until_ended());
  CHECK(bench.lines() == Lines{"nine", "ten"});
}

TEST_CASE("a log in several files is read in their order, whichever of them are left") {
  LogBench bench;
  for (const std::uint32_t number : {9u, 10u, 11u}) {
    bench.begin_file("web-1", number, 100 * number);
    bench.write("web-1", "line of " + std::to_string(number), number);
  }
  bench.open(request({"web-1"}));
  REQUIRE(bench.until_ended());
  CHECK(bench.lines() == Lines{"line of 9", "line of 10", "line of 11"});
}

TEST_CASE("the tail reaches over files, and following goes on in the next one") {
  LogBench bench;
  bench.write("web-1", "a");
  bench.write("web-1", "b");
  bench.begin_file("web-1", 1, 2);
  bench.write("web-1", "c", 1);
  auto asked = request({"web-1"}, true);
  asked.query.tail_lines = 2;
  bench.open(std::move(asked));
  REQUIRE(bench.until_caught_up());
  CHECK(bench.lines() == Lines{"b", "c"});
  for (std::uint32_t number = 2; number < 6; ++number) {
    bench.write("web-1", "last of " + std::to_string(number - 1), number - 1);
    bench.begin_file("web-1", number, number + 1);
    REQUIRE(bench.until_lines(number + 1));
  }
  CHECK(bench.lines().back() == "last of 4");
  CHECK(bench.caught_up() == 1);
}

TEST_CASE(
    "what a rotation takes away before it is read is counted, and of the file that is open nothing is lost") {
  LogBench bench;
  for (int n = 0; n < 100; ++n) bench.write("web-1", "line " + std::to_string(n));
  bench.open(request({"web-1"}, true, 500));
  REQUIRE(bench.until_lines(1));
  bench.begin_file("web-1", 1, 100);
  for (int n = 100; n < 150; ++n) bench.write("web-1", "line " + std::to_string(n), 1);
  bench.begin_file("web-1", 3, 180);
  bench.write("web-1", "line 180", 3);
  bench.remove("web-1", 0);
  bench.remove("web-1", 1);
  bench.reading->grant(1 << 20);
  REQUIRE(bench.until_lines(102));
  const auto lines = bench.lines();
  CHECK(lines[99] == "line 99");
  CHECK(lines[100] == "[80 lost]");
  CHECK(lines[101] == "line 180");
}

TEST_CASE(
    "a reading that goes on behind a line repeats nothing and leaves out nothing, over files and attempts") {
  LogBench bench;
  Lines all;
  for (int n = 0; n < 12; ++n) {
    const auto text = "line " + std::to_string(n);
    bench.write(n < 8 ? "web-1" : "web-2", text, static_cast<std::uint32_t>(n < 8 ? n / 3 : 0));
    all.push_back(text);
  }
  LogPosition after;
  for (std::size_t have = 0; have < all.size(); ++have) {
    auto asked = request({"web-1", "web-2"}, true, 140);  // one line's worth
    if (have > 0) asked.query.after = after;
    bench.clear();
    bench.open(std::move(asked));
    REQUIRE(bench.until_lines(1));
    CHECK(bench.lines() == Lines{all[have]});
    after = bench.last();
  }
  bench.clear();
  auto asked = request({"web-2"});
  asked.query.after = LogPosition{ContainerId{"web-1"}, 1};  // an attempt whose log is not asked for any more
  bench.open(std::move(asked));
  REQUIRE(bench.until_ended());
  CHECK(bench.lines() == Lines(all.begin() + 8, all.end()));
}

TEST_CASE("a position in a file that was rotated away goes on with what is left, and says so") {
  LogBench bench;
  bench.begin_file("web-1", 7, 700);
  bench.write("web-1", "line 700", 7);
  auto asked = request({"web-1"});
  asked.query.after = LogPosition{ContainerId{"web-1"}, log_position(3, 50)};
  bench.open(std::move(asked));
  REQUIRE(bench.until_ended());
  CHECK(bench.lines() == Lines{"[0 lost]", "line 700"});
}

TEST_CASE("the previous attempt of a replica that is not here any more is the newest but one") {
  LogBench bench;
  bench.write("web-00000000ab-7-2", "two");
  bench.write("web-00000000ab-7-10", "ten");
  bench.write("web-00000000ab-7-9", "nine", 3);
  bench.write("web-00000000ab-8-1", "one");
  LogRequest asked;
  asked.query.replica = ReplicaId{"web-00000000ab-7"};
  asked.query.previous = true;
  asked.credit = 1 << 20;
  bench.open(asked);
  REQUIRE(bench.until_ended());
  CHECK(bench.lines() == Lines{"nine"});
  bench.clear();
  asked.query.replica = ReplicaId{"web-00000000ab-8"};
  bench.open(asked);
  REQUIRE(bench.until_ended());
  CHECK(bench.error().code == Errc::not_found);
}

TEST_CASE("who is told of a container twice reads it once") {
  LogBench bench;
  bench.write("web-00000000ab-7-1", "one");
  LogRequest asked;
  asked.query.replica = ReplicaId{"web-00000000ab-7"};
  asked.more_may_come = true;
  asked.credit = 1 << 20;
  bench.open(std::move(asked));
  REQUIRE(bench.until_caught_up());
  bench.reading->add_container(ContainerId{"web-00000000ab-7-1"});
  bench.write("web-00000000ab-7-1", "two");
  bench.reading->finish();
  REQUIRE(bench.until_ended());
  CHECK(bench.lines() == Lines{"one", "two"});
}

TEST_CASE("without follow a reading ends with what there was at its beginning, however much comes") {
  LogBench bench;
  for (int n = 0; n < 20; ++n) bench.write("web-1", "line " + std::to_string(n));
  bench.begin_file("web-1", 1, 20);
  for (int n = 20; n < 30; ++n) bench.write("web-1", "line " + std::to_string(n), 1);
  bench.open(request({"web-1"}, false, 200));
  REQUIRE(bench.until_lines(1));
  for (int n = 30; n < 40; ++n) bench.write("web-1", "line " + std::to_string(n), 1);
  bench.begin_file("web-1", 2, 40);
  bench.write("web-1", "line 40", 2);
  bench.reading->grant(1 << 20);
  REQUIRE(bench.until_ended());
  REQUIRE(bench.lines().size() == 30);
  CHECK(bench.lines().back() == "line 29");
}

}  // namespace cloudless::runtime
