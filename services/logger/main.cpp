// cloudless-logger: takes a container's output from its shim (containerd's "binary://" protocol: 3 is stdout,
// 4 is stderr, closing 5 says ready) and writes it line by line, with time and stream, to the container's log
// file. One per container, so it is small: no library but the C++ one, linked statically. Arguments: log
// <file> state <folder>, in any order. It ignores SIGTERM, which the shim sends at the end, and leaves when
// both streams have ended.
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <string>

#include "actors/runtime/containerd/log_format.hpp"
#include "services/logger/memory.hpp"

namespace cloudless::logger {
namespace {

using runtime::LineKind;

constexpr std::size_t kLongestPiece = 16384;        // as CRI
constexpr std::uint64_t kJournalLimit = 512 << 10;  // then the journal is begun anew
constexpr int kIdleMillis = 200;                    // an unfinished line is written after this
constexpr int kFullDiskMillis = 1000;               // how often a full disk is tried again
constexpr int kOut = 3;
constexpr int kReady = 5;

std::int64_t now_nanos() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

class Logger {
 public:
  Logger(std::string log_path, const std::string& state_dir)
      : log_path_(std::move(log_path)),
        slots_(state_dir),
        journals_{Journal(state_dir, "stdout"), Journal(state_dir, "stderr")} {
    open_log();
    auto state = slots_.state();
    const auto size = log_ >= 0 ? static_cast<std::uint64_t>(lseek(log_, 0, SEEK_END)) : 0;
    state.log_size = slots_.fresh() ? size : std::min(size, state.log_size);
    slots_.commit(state);
    cut_log();
  }

  void run() {
    for (int i = 0; i < 2; ++i) write_lines(i, false);  // of a predecessor who was killed
    while (open_[0] || open_[1]) {
      pollfd polled[2] = {{open_[0] ? kOut : -1, POLLIN, 0}, {open_[1] ? kOut + 1 : -1, POLLIN, 0}};
      poll(polled, 2, timeout());
      for (int i = 0; i < 2; ++i) {
        if (polled[i].revents != 0) {
          receive(i);
        } else {
          idle(i);
        }
      }
    }
  }

 private:
  void open_log() {
    if (log_ < 0) log_ = open(log_path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
  }

  void cut_log() {
    if (log_ < 0 || ftruncate(log_, static_cast<off_t>(slots_.state().log_size)) != 0) return;
  }

  int timeout() {
    int out = -1;
    for (int i = 0; i < 2; ++i) {
      if (unfinished_[i]) return kIdleMillis;
      if (slots_.state().streams[i].dropped > 0) out = kFullDiskMillis;
    }
    return out;
  }

  void receive(int i) {
    last_[i] = now_nanos();
    switch (journals_[i].take_from(kOut + i, slots_.state().streams[i].journal)) {
      case Taken::some:
        write_lines(i, false);
        break;
      case Taken::nothing:
        break;
      case Taken::no_space:
        discard(i);
        break;
      case Taken::end:
        end(i);
        break;
    }
  }

  void end(int i) {
    open_[i] = false;
    write_lines(i, true);
  }

  void idle(int i) {
    const auto quiet_millis = (now_nanos() - last_[i]) / 1000000;
    if (unfinished_[i] && quiet_millis >= kIdleMillis) {
      flush_partial(i);
    } else if (slots_.state().streams[i].dropped > 0 && quiet_millis >= kFullDiskMillis) {
      last_[i] = now_nanos();
      write({}, slots_.state(), i, 0);
    }
  }

  /// There is no space to keep the bytes: they are taken, so that the container goes on, and counted.
  void discard(int i) {
    char bytes[65536];
    const ssize_t n = read(kOut + i, bytes, sizeof bytes);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return end(i);
    if (n < 0) return;
    auto state = slots_.state();
    state.streams[i].dropped += static_cast<std::uint64_t>(std::count(bytes, bytes + n, '\n'));
    slots_.commit(state);
  }

  void append(std::string& text, int i, LineKind kind, std::string_view line) {
    runtime::append_log_line(text, {now_nanos(), i == 1, kind, 0, line});
  }

  /// Moves every whole line (at the end of the stream: everything) from the journal to the log.
  void write_lines(int i, bool at_end) {
    auto next = slots_.state();
    auto& stream = next.streams[i];
    const auto bytes = journals_[i].pending(stream.journal, stream.processed);
    std::string text;
    std::uint64_t pieces = 0;
    std::size_t at = 0;
    for (; at < bytes.size(); ++pieces) {
      const auto rest = bytes.substr(at);
      const auto end = rest.substr(0, kLongestPiece + 1).find('\n');
      if (end == std::string_view::npos && rest.size() <= kLongestPiece && !at_end) break;
      const auto piece = rest.substr(0, std::min(end, kLongestPiece));
      const bool whole = end != std::string_view::npos || (at_end && piece.size() == rest.size());
      append(text, i, whole ? LineKind::full : LineKind::partial, piece);
      at += piece.size() + (end != std::string_view::npos ? 1 : 0);
      stream.in_line = whole ? 0 : 1;
    }
    if (at_end && stream.in_line != 0) {
      append(text, i, LineKind::full, {});
      stream.in_line = 0;
      ++pieces;
    }
    unfinished_[i] = at < bytes.size();
    stream.processed += at;
    if (pieces > 0) write(text, next, i, pieces);
    if (slots_.state().streams[i].processed > kJournalLimit) begin_journal(i);
  }

  void flush_partial(int i) {
    auto next = slots_.state();
    auto& stream = next.streams[i];
    const auto bytes = journals_[i].pending(stream.journal, stream.processed);
    std::string text;
    append(text, i, LineKind::partial, bytes);
    stream.processed += bytes.size();
    stream.in_line = 1;
    unfinished_[i] = false;
    write(text, next, i, 1);
  }

  void begin_journal(int i) {
    auto next = slots_.state();
    auto& stream = next.streams[i];
    const auto old = stream.journal;
    if (!journals_[i].carry_over(old, stream.processed)) return;
    stream.journal = 1 - old;
    stream.processed = 0;
    slots_.commit(next);
    journals_[i].clear(old);
  }

  /// Appends `text`, which holds `pieces` pieces of stream i, then commits. Without space the pieces are
  /// counted instead.
  void write(const std::string& text, State next, int i, std::uint64_t pieces) {
    auto& stream = next.streams[i];
    std::string all;
    if (stream.dropped > 0)
      runtime::append_log_line(all, {now_nanos(), i == 1, LineKind::dropped, stream.dropped, {}});
    all += text;
    if (write_at(all, next.log_size)) {
      next.log_size += all.size();
      stream.dropped = 0;
    } else {
      stream.dropped += pieces;
    }
    slots_.commit(next);
    if (stream.dropped > 0) cut_log();
  }

  bool write_at(const std::string& text, std::uint64_t offset) {
    open_log();
    std::size_t done = 0;
    while (log_ >= 0 && done < text.size()) {
      const ssize_t n =
          pwrite(log_, text.data() + done, text.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      done += static_cast<std::size_t>(n);
    }
    return done == text.size();
  }

  std::string log_path_;
  int log_ = -1;
  Slots slots_;
  Journal journals_[2];
  bool open_[2] = {true, true};
  bool unfinished_[2] = {false, false};
  std::int64_t last_[2] = {0, 0};  // when something came, or a full disk was tried
};

/// Nothing of whoever started us is kept but the pipes: neither a terminal nor a folder nor a socket.
void let_go() {
  for (const int ignored : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) signal(ignored, SIG_IGN);
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < kOut; ++fd)
    if (fd != null) dup2(null, fd);
  if (null > 2 && null != kOut && null != kOut + 1 && null != kReady) close(null);
  syscall(SYS_close_range, kReady + 1, ~0U, 0);
  if (fcntl(kReady, F_GETFD) < 0)
    dup2(0, kReady);  // started by the agent: nothing of ours may get this number
  if (chdir("/") != 0) _exit(1);
  for (const int fd : {kOut, kOut + 1}) fcntl(fd, F_SETFL, O_RDONLY | O_NONBLOCK);
}

}  // namespace
}  // namespace cloudless::logger

int main(int argc, char** argv) {
  std::string log, state;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "log") == 0) log = argv[i + 1];
    if (std::strcmp(argv[i], "state") == 0) state = argv[i + 1];
  }
  if (log.empty() || state.empty()) return 2;
  cloudless::logger::let_go();
  cloudless::logger::claim(state);
  cloudless::logger::Logger logger(std::move(log), state);
  close(cloudless::logger::kReady);
  logger.run();
  cloudless::logger::leave(state);
  return 0;
}
