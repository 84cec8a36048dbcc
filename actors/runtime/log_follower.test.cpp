#include "actors/runtime/log_follower.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

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

  void write(const std::string& container, const std::string& text) {
    std::string bytes;
    append_log_line(bytes, {++time_ * 1'000'000, false, LineKind::full, 0, text});
    std::ofstream(dir_ + "/" + container + ".log", std::ios::binary | std::ios::app) << bytes;
  }

  void open(LogRequest request) {
    reading = store_->open(std::move(request), [this](LogBatch batch) {
      std::lock_guard lock(mutex_);
      for (auto& line : batch.lines) {
        bytes_ += session_bytes(line);
        lines_.push_back(std::move(line.line));
      }
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

  std::unique_ptr<LogReading> reading;

 private:
  std::string dir_;
  std::unique_ptr<LogStore> store_;
  std::int64_t time_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::uint64_t bytes_ = 0;
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

}  // namespace cloudless::runtime
