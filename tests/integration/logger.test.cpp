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
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "actors/runtime/containerd/log_format.hpp"

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
    std::array<std::string, 5> words = {program, "state", folder_ + "/state", "log", log_path()};
    std::array<char*, 6> argv{};
    for (std::size_t i = 0; i < words.size(); ++i) argv[i] = words[i].data();
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

  std::string log_path() const { return logs_ + "/c.log"; }
  const std::string& folder() const { return folder_; }
  const std::string& logs() const { return logs_; }
  pid_t pid() const { return pid_; }
  std::vector<Line> lines() const {
    std::vector<Line> out;
    std::ifstream in(log_path());
    for (std::string text; std::getline(in, text);) {
      const auto line = parse_log_line(text);
      REQUIRE_MESSAGE(line.has_value(), text);
      out.push_back({line->is_stderr, line->kind, line->dropped, std::string(line->text)});
    }
    return out;
  }

 private:
  std::string folder_, logs_;
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
