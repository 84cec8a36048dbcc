// cloudless-logger as its shim and its agent use it: two pipes in, one log file out, whatever happens to it.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "actors/runtime/containerd/log_format.hpp"
#include "actors/runtime/log_follower.hpp"

extern char** environ;

namespace {

using namespace cloudless::runtime;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto kPatience = 60s;

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

struct Line {
  bool is_stderr;
  LineKind kind;
  std::uint64_t dropped;
  Dropped reason;
  std::string text;
};

/// A logger between two pipes of ours.
class LoggerUnderTest {
 public:
  LoggerUnderTest() {
    char name[] = "/tmp/cloudless-logger-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    folder_ = name;
    logs_ = folder_ + "/logs";
    fs::create_directory(logs_);
    for (auto& stream : streams_) REQUIRE(pipe2(stream.data(), O_CLOEXEC) == 0);
  }
  ~LoggerUnderTest() {
    kill_hard();
    for (int i = 0; i < 2; ++i) {
      end(i);
      close(streams_[i][0]);
    }
    if (mounted_) umount2(logs_.c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  LoggerUnderTest(const LoggerUnderTest&) = delete;
  LoggerUnderTest& operator=(const LoggerUnderTest&) = delete;

  /// Makes the log folder a file system of `kibibytes`.
  void small_disk(int kibibytes) {
    const auto size = "size=" + std::to_string(kibibytes) + "k";
    REQUIRE(mount("tmpfs", logs_.c_str(), "tmpfs", 0, size.c_str()) == 0);
    mounted_ = true;
  }

  void start() {
    const auto program = std::string(CLOUDLESS_BUILD_ROOT "/services/logger/cloudless-logger");
    std::vector<std::string> words = {program, "state", folder_ + "/state", "log", log_path()};
    words.insert(words.end(), options_.begin(), options_.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int ready[2];
    REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    // By way of high numbers, so that no descriptor is overwritten before it was used.
    const int from[] = {streams_[0][0], streams_[1][0], ready[1]};
    for (int i = 0; i < 3; ++i) posix_spawn_file_actions_adddup2(&files, from[i], 100 + i);
    for (int i = 0; i < 3; ++i) posix_spawn_file_actions_adddup2(&files, 100 + i, 3 + i);
    for (int i = 0; i < 3; ++i) posix_spawn_file_actions_addclose(&files, 100 + i);
    REQUIRE(posix_spawn(&pid_, program.c_str(), &files, nullptr, argv.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&files);
    close(ready[1]);
    pollfd p{ready[0], POLLIN, 0};
    REQUIRE(poll(&p, 1, 30000) == 1);  // it has closed its end: ready
    close(ready[0]);
  }
  void kill_hard() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  /// The exit status after both streams ended.
  int finish() {
    end(0);
    end(1);
    int status = -1;
    const bool over = eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
    REQUIRE(over);
    pid_ = -1;
    return status;
  }
  void end(int stream) {
    if (streams_[stream][1] >= 0) close(streams_[stream][1]);
    streams_[stream][1] = -1;
  }
  void say(int stream, std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = write(streams_[stream][1], text.data(), text.size());
      REQUIRE(n > 0);
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  /// As arguments of the program, for the next start.
  void set_options(std::vector<std::string> options) { options_ = std::move(options); }
  std::string log_path() const { return logs_ + "/c.log"; }
  /// The files of the log by their numbers.
  std::map<std::uint32_t, std::string> files() const {
    std::map<std::uint32_t, std::string> out;
    for (const auto& entry : fs::directory_iterator(logs_)) {
      const auto file = entry.path().filename().string();
      if (const auto name = parse_log_name(file); name && name->name == "c") out[name->number] = entry.path();
    }
    return out;
  }
  const std::string& folder() const { return folder_; }
  const std::string& logs() const { return logs_; }
  pid_t pid() const { return pid_; }
  std::vector<Line> lines() const {
    std::vector<Line> out;
    for (const auto& [number, path] : files()) {
      std::ifstream in(path, std::ios::binary);
      for (std::string text; std::getline(in, text);) {
        const auto line = parse_log_line(text);
        REQUIRE_MESSAGE(line.has_value(), text);
        if (line->kind != LineKind::numbered)
          out.push_back({line->is_stderr, line->kind, line->count, line->reason, std::string(line->text)});
      }
    }
    return out;
  }

 private:
  std::string folder_, logs_;
  std::vector<std::string> options_;
  std::array<std::array<int, 2>, 2> streams_{};
  pid_t pid_ = -1;
  bool mounted_ = false;
};

TEST_CASE("lines carry their stream; an unfinished last one is complete at the end") {
  LoggerUnderTest logger;
  logger.start();
  logger.say(0, "one\ntwo\n\n");
  logger.say(1, "err\n");
  logger.say(0, "no line feed");
  CHECK(logger.finish() == 0);
  const auto lines = logger.lines();
  std::string out, err;
  for (const auto& line : lines)
    (line.is_stderr ? err : out) += static_cast<char>(line.kind) + line.text + "|";
  CHECK(out == "Fone|Ftwo|F|Fno line feed|");
  CHECK(err == "Ferr|");
  CHECK_FALSE(fs::exists(logger.folder() + "/state"));
}

TEST_CASE("an unfinished line shows after a moment, while the other stream goes on, and is finished later") {
  LoggerUnderTest logger;
  logger.start();
  logger.say(0, "password: ");
  CHECK(eventually([&] {
    logger.say(1, "tick\n");
    const auto lines = logger.lines();
    return std::any_of(lines.begin(), lines.end(),
                       [](const Line& l) { return l.text == "password: " && l.kind == LineKind::partial; });
  }));
  logger.say(0, "secret\nnext\n");
  CHECK(logger.finish() == 0);
  std::string out;
  for (const auto& line : logger.lines())
    if (!line.is_stderr) out += static_cast<char>(line.kind) + line.text + "|";
  CHECK(out == "Ppassword: |Fsecret|Fnext|");
}

TEST_CASE("a long line comes in pieces of 16 KiB, and not one byte of it is lost") {
  LoggerUnderTest logger;
  logger.start();
  std::string line;
  for (int i = 0; line.size() < 1000000; ++i) line += std::to_string(i);
  logger.say(0, line + "\nshort\n");
  CHECK(logger.finish() == 0);
  const auto lines = logger.lines();
  std::string joined;
  std::size_t i = 0;
  for (; i < lines.size() && lines[i].kind == LineKind::partial; ++i) {
    CHECK(lines[i].text.size() == 16384);
    joined += lines[i].text;
  }
  REQUIRE(i + 2 == lines.size());
  CHECK(joined + lines[i].text == line);
  CHECK(lines[i + 1].text == "short");
}

TEST_CASE("SIGTERM, which a shim sends at the end, does not stop it before the streams end") {
  LoggerUnderTest logger;
  logger.start();
  logger.say(0, "before\n");
  REQUIRE(kill(logger.pid(), SIGTERM) == 0);
  logger.say(0, "after\n");
  CHECK(logger.finish() == 0);
  CHECK(logger.lines().size() == 2);
}

TEST_CASE("killed at any time and started anew, it neither loses nor repeats a line") {
  LoggerUnderTest logger;
  logger.start();
  constexpr int kCount = 200000;
  std::array<std::thread, 2> writers;
  std::atomic<int> writing{2};
  for (int s = 0; s < 2; ++s)
    writers[s] = std::thread([&, s] {
      std::string piece;
      for (int i = 0; i < kCount; ++i) {
        piece += "line " + std::to_string(i) + "\n";
        if (piece.size() > 3000) {
          logger.say(s, piece);
          piece.clear();
          if (i % 7 == 0) std::this_thread::sleep_for(100us);
        }
      }
      logger.say(s, piece);
      --writing;
    });
  int kills = 0;
  for (; writing > 0; ++kills) {
    std::this_thread::sleep_for(std::chrono::microseconds(100 + kills * 37 % 3000));
    logger.kill_hard();
    logger.start();
  }
  for (auto& writer : writers) writer.join();
  CHECK(logger.finish() == 0);
  CHECK(kills > 5);
  CAPTURE(kills);
  std::array<int, 2> next{};
  for (const auto& line : logger.lines()) {
    REQUIRE(line.kind == LineKind::full);
    REQUIRE(line.text == "line " + std::to_string(next[line.is_stderr]++));
  }
  CHECK(next[0] == kCount);
  CHECK(next[1] == kCount);
}

TEST_CASE(
    "a full disk drops lines, the writer goes on, and a counted marker says how many once there is space") {
  LoggerUnderTest logger;
  logger.small_disk(256);
  const auto ballast = logger.logs() + "/ballast";
  logger.start();
  int said = 0;
  const auto say_some = [&](int count) {
    for (int i = 0; i < count; ++i) logger.say(0, "line " + std::to_string(said++) + "\n");
  };
  say_some(100);
  CHECK(eventually([&] { return logger.lines().size() == 100; }));
  {
    std::ofstream fill(ballast);
    const std::string block(4096, 'x');
    while (fill << block && fill.flush()) {
    }
  }
  say_some(20000);  // does not block for ever: the pipe is drained
  bool killed = false;
  SUBCASE("with the same logger") {}
  SUBCASE("with a logger that was killed meanwhile: the count survives") {
    killed = true;
  }
  if (killed) {
    logger.kill_hard();
    logger.start();
  }
  fs::remove(ballast);
  CHECK(eventually([&] {
    const auto lines = logger.lines();
    return std::any_of(lines.begin(), lines.end(), [](const Line& l) { return l.kind == LineKind::dropped; });
  }));
  say_some(10);
  CHECK(logger.finish() == 0);
  // Every line is there, or counted where it is missing.
  std::uint64_t at = 0;
  std::uint64_t dropped = 0;
  for (const auto& line : logger.lines()) {
    if (line.kind == LineKind::dropped) {
      at += line.dropped;
      dropped += line.dropped;
    } else {
      REQUIRE(line.text == "line " + std::to_string(at++));
    }
  }
  CHECK(at == static_cast<std::uint64_t>(said));
  CHECK(dropped > 1000);
}

/// Every line of both streams, in order, once: "line <n>".
void check_all_there(const std::vector<Line>& lines, int count) {
  std::array<int, 2> next{};
  for (const auto& line : lines) {
    REQUIRE(line.kind == LineKind::full);
    REQUIRE(line.text == "line " + std::to_string(next[line.is_stderr]++));
  }
  CHECK(next[0] == count);
  CHECK(next[1] == count);
}

TEST_CASE(
    "rotated and killed at any time, it neither loses nor repeats a line, and who follows sees each once") {
  LoggerUnderTest logger;
  logger.set_options({"size", "100000", "files", "1000000"});
  auto store = make_log_follower(logger.logs());
  REQUIRE(store);
  std::mutex mutex;
  std::vector<Line> followed;
  bool ended = false;
  LogRequest request;
  request.query.follow = true;
  request.containers = {cloudless::ContainerId{"c"}};
  request.more_may_come = true;
  request.credit = 1ULL << 40;
  auto reading = (*store)->open(std::move(request), [&](LogBatch batch) {
    const std::lock_guard lock(mutex);
    for (auto& line : batch.lines)
      followed.push_back({line.is_stderr, LineKind::full, 0, {}, std::move(line.line)});
    ended = ended || batch.ended;
  });
  logger.start();
  constexpr int kCount = 60000;
  std::array<std::thread, 2> writers;
  std::atomic<int> writing{2};
  for (int s = 0; s < 2; ++s)
    writers[s] = std::thread([&, s] {
      std::string piece;
      for (int i = 0; i < kCount; ++i) {
        piece += "line " + std::to_string(i) + "\n";
        if (piece.size() > 1000) {
          logger.say(s, piece);
          piece.clear();
          std::this_thread::sleep_for(50us);
        }
      }
      logger.say(s, piece);
      --writing;
    });
  std::mt19937_64 random(std::random_device{}());
  int kills = 0;
  for (; writing > 0; ++kills) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    logger.kill_hard();
    logger.start();
  }
  for (auto& writer : writers) writer.join();
  CHECK(logger.finish() == 0);
  CAPTURE(kills);
  CHECK(kills > 20);
  CHECK(logger.files().size() > 40);
  check_all_there(logger.lines(), kCount);
  reading->finish();
  REQUIRE(eventually([&] {
    const std::lock_guard lock(mutex);
    return ended;
  }));
  check_all_there(followed, kCount);
  for (const auto& [number, path] : logger.files()) CHECK(fs::file_size(path) <= 100000);
}

TEST_CASE("only the newest files stay, and each says how many lines came before it") {
  LoggerUnderTest logger;
  logger.set_options({"size", "100000", "files", "3"});
  logger.start();
  constexpr std::uint64_t kCount = 40000;
  for (std::uint64_t n = 0; n < kCount; n += 100) {
    std::string piece;
    for (std::uint64_t i = n; i < n + 100; ++i) piece += "line " + std::to_string(i) + "\n";
    logger.say(0, piece);
  }
  CHECK(logger.finish() == 0);
  const auto files = logger.files();
  CHECK(files.size() == 3);
  CHECK(files.begin()->first > 10);
  for (const auto& [number, path] : files) {
    std::ifstream in(path);
    std::string before, ignored, first;
    REQUIRE(std::getline(in, before));
    REQUIRE(std::getline(in, ignored));
    REQUIRE(std::getline(in, first));
    const auto head = parse_log_line(before);
    REQUIRE(head);
    CHECK(head->kind == LineKind::numbered);
    CHECK(parse_log_line(first)->text == "line " + std::to_string(head->count));
  }
  CHECK(logger.lines().back().text == "line " + std::to_string(kCount - 1));
}

TEST_CASE("a container that is started anew under the same name goes on in its log, behind a torn record") {
  LoggerUnderTest logger;
  std::string old;
  append_log_line(old, {1, false, LineKind::full, 0, "before"});
  std::ofstream(logger.log_path() + ".4") << old << "2026-01-01T00:00:00.000000000Z stdout F torn";
  logger.start();
  logger.say(0, "after\n");
  CHECK(logger.finish() == 0);
  const auto lines = logger.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text == "before");
  CHECK(lines[1].text == "after");
  CHECK(logger.files().size() == 1);
}

TEST_CASE(
    "more than the rate is dropped line by line and counted, with the reason, and the rest stays whole") {
  LoggerUnderTest logger;
  logger.set_options({"rate", "100000", "files", "100"});
  bool killed = false;
  SUBCASE("by one logger") {}
  SUBCASE("by loggers that are killed meanwhile") {
    killed = true;
  }
  logger.start();
  std::uint64_t said = 0;
  for (int round = 0; round < 60; ++round) {
    std::string piece;
    while (piece.size() < 200'000) piece += "line " + std::to_string(said++) + "\n";
    logger.say(0, piece);
    if (killed && round % 5 == 4) {
      logger.kill_hard();
      logger.start();
    }
  }
  CHECK(logger.finish() == 0);
  std::uint64_t at = 0, dropped = 0, kept_bytes = 0;
  for (const auto& line : logger.lines()) {
    if (line.kind == LineKind::dropped) {
      CHECK(line.reason == Dropped::rate_limit);
      at += line.dropped;
      dropped += line.dropped;
    } else {
      REQUIRE(line.text == "line " + std::to_string(at++));
      kept_bytes += line.text.size();
    }
  }
  CHECK(at == said);
  CHECK(dropped > said / 2);
  if (!killed) CHECK(kept_bytes < 4'000'000);
}

TEST_CASE("a flood of one stream does not hide the few lines of the other") {
  LoggerUnderTest logger;
  logger.set_options({"rate", "100000", "files", "100"});
  logger.start();
  std::string flood;
  while (flood.size() < 200'000) flood += "blah\n";
  for (int round = 0; round < 50; ++round) {
    logger.say(0, flood);
    logger.say(1, "error " + std::to_string(round) + "\n");
  }
  CHECK(logger.finish() == 0);
  int next = 0;
  for (const auto& line : logger.lines())
    if (line.is_stderr) CHECK(line.text == "error " + std::to_string(next++));
  CHECK(next == 50);
}

TEST_CASE("the end of a flood is told within moments, although nothing else comes") {
  LoggerUnderTest logger;
  logger.set_options({"rate", "1000"});
  logger.start();
  std::string flood;
  for (int i = 0; i < 10'000; ++i) flood += "line\n";
  logger.say(0, flood);
  CHECK(eventually([&] {
    const auto lines = logger.lines();
    std::uint64_t accounted = 0;
    for (const auto& line : lines) accounted += line.kind == LineKind::dropped ? line.dropped : 1;
    return accounted == 10'000;
  }));
}

TEST_CASE("any bytes, NULs, one enormous line and no line feed at the end: every byte is there") {
  LoggerUnderTest logger;
  logger.set_options({"size", "1000000000", "rate", "0"});
  logger.start();
  std::mt19937_64 random(42);
  std::string said;
  for (int i = 0; i < 200'000; ++i) said += static_cast<char>(random());
  said += std::string(100'000, '\0');
  said += '\n';
  const std::string block(1 << 20, 'z');
  for (int i = 0; i < 64; ++i) said += block;
  said += "\nthe end";
  logger.say(0, said);
  CHECK(logger.finish() == 0);
  std::string heard;
  for (const auto& line : logger.lines()) heard += line.text + (line.kind == LineKind::partial ? "" : "\n");
  CHECK((heard == said + "\n"));
}

TEST_CASE("a log folder that is not there does not keep a container from running") {
  LoggerUnderTest logger;
  fs::remove(logger.logs());
  logger.start();
  logger.say(0, "lost\n");
  std::this_thread::sleep_for(50ms);
  fs::create_directory(logger.logs());
  CHECK(eventually([&] { return !logger.lines().empty(); }));
  CHECK(logger.lines()[0].kind == LineKind::dropped);
  logger.say(0, "kept\n");
  CHECK(logger.finish() == 0);
  CHECK(logger.lines().back().text == "kept");
}

}  // namespace
