#include "services/logger/logger.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace cloudless::logger {
namespace {

using runtime::Dropped;
using runtime::LineKind;

constexpr std::uint64_t kJournalLimit = 512 << 10;  // then the journal is begun anew
constexpr std::size_t kSlice = 64 << 10;            // of a journal at a time
constexpr int kPipeBytes = 1 << 20;
constexpr int kIdleMillis = 200;       // an unfinished line is written after this
constexpr int kFullDiskMillis = 1000;  // how often a full disk is tried again
constexpr std::int64_t kNanos = 1'000'000'000;
/// Who writes line after line is read once a millisecond, not line by line: half a core is saved.
constexpr std::int64_t kRestNanos = 1'000'000;
constexpr std::int64_t kBusyNanos = 2 * kRestNanos;
constexpr std::size_t kMuch = 128 << 10;
/// Each stream's own share of the rate, on top of it.
constexpr std::uint64_t kReserve = 16;
/// Of what is dropped, more than this a second is not even read: the container waits.
constexpr std::int64_t kMostDroppedPerSecond = 256 << 20;

std::int64_t clock_nanos(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return t.tv_sec * kNanos + t.tv_nsec;
}
std::int64_t now_nanos() {
  return clock_nanos(CLOCK_REALTIME);
}
std::int64_t steady_nanos() {
  return clock_nanos(CLOCK_MONOTONIC);
}

Budget reserve_of(std::uint64_t rate) {
  return Budget(rate == 0 ? 0 : std::max<std::uint64_t>(1, rate / kReserve));
}

/// What a file that is not the first one begins with.
std::string numbers_before(const State& state, std::int64_t time_nanos) {
  std::string out;
  for (int i = 0; i < 2; ++i)
    runtime::append_log_line(out, {time_nanos, i == 1, LineKind::numbered, state.streams[i].lines, {}, {}});
  return out;
}

}  // namespace

Logger::Logger(const Options& options)
    : most_bytes_(options.most_bytes),
      slots_(options.state_dir),
      files_(options.log, options.most_files),
      budget_(options.rate),
      reserve_{reserve_of(options.rate), reserve_of(options.rate)},
      journals_{Journal(options.state_dir, "stdout"), Journal(options.state_dir, "stderr")} {
  for (int i = 0; i < 2; ++i) {
    journals_[i].use(slots_.state().streams[i].journal);
    const int size = fcntl(kOut + i, F_SETPIPE_SZ, kPipeBytes);
    if (size > 0) pipe_bytes_ = static_cast<std::size_t>(size);
  }
  auto state = slots_.state();
  if (slots_.fresh()) {
    state.file = files_.newest();
    state.log_size = files_.whole_size(state.file);
    files_.cut(state.file, state.log_size);
    slots_.commit(state);
    return;
  }
  const auto& intent = state.intent;
  if (intent.active == 0) return;
  // Of a predecessor who was killed: the same bytes at the same place.
  const auto i = static_cast<int>(intent.stream);
  const auto bytes = journals_[i].pending(state.streams[i].processed, intent.bytes);
  carry_out(intent,
            cut(state.streams[i], bytes, i == 1, intent.time_nanos, static_cast<CutMode>(intent.mode)));
}

void Logger::run() {
  for (int i = 0; i < 2; ++i) process(i, CutMode::lines);  // of a predecessor who was killed
  while (open_[0] || open_[1]) {
    pollfd polled[2] = {{open_[0] ? kOut : -1, POLLIN, 0}, {open_[1] ? kOut + 1 : -1, POLLIN, 0}};
    poll(polled, 2, timeout());
    const auto woken = steady_nanos();
    const bool busy = woken - woken_ < kBusyNanos;
    woken_ = woken;
    std::size_t received = 0;
    for (int i = 0; i < 2; ++i) {
      if (polled[i].revents != 0) {
        received += receive(i);
      } else {
        idle(i);
      }
    }
    if (busy || budget_.exceeded(woken)) rest(received);
  }
}

/// Whether what this stream writes now is dropped.
bool Logger::exceeded(int i) {
  const auto now = steady_nanos();
  return budget_.exceeded(now) && reserve_[i].exceeded(now);
}

/// Lets the pipes fill a little.
void Logger::rest(std::size_t received) {
  std::int64_t nanos = received < kMuch ? kRestNanos : 0;
  if (budget_.exceeded(steady_nanos()))
    nanos = static_cast<std::int64_t>(pipe_bytes_) * kNanos / kMostDroppedPerSecond;
  if (nanos == 0) return;
  const timespec pause{0, nanos};
  nanosleep(&pause, nullptr);
}

int Logger::timeout() {
  int out = -1;
  for (int i = 0; i < 2; ++i) {
    if (unfinished_[i]) return kIdleMillis;
    if (slots_.state().streams[i].owes_marker()) out = kFullDiskMillis;
  }
  return out;
}

std::size_t Logger::receive(int i) {
  last_[i] = steady_nanos();
  const auto before = journals_[i].size();
  switch (journals_[i].take_from(kOut + i, pipe_bytes_)) {
    case Taken::some: {
      const auto received = journals_[i].size() - before;
      process(i, CutMode::lines);
      return received;
    }
    case Taken::nothing:
      return 0;
    case Taken::no_space:
      discard(i);
      return kMuch;
    case Taken::end:
      end(i);
      return kMuch;
  }
  return 0;
}

void Logger::end(int i) {
  open_[i] = false;
  process(i, CutMode::lines);
  process_slice(i, CutMode::end);
}

void Logger::idle(int i) {
  const auto quiet_millis = (steady_nanos() - last_[i]) / 1'000'000;
  if (unfinished_[i] && quiet_millis >= kIdleMillis) {
    process_slice(i, CutMode::all);
  } else if (slots_.state().streams[i].owes_marker() && quiet_millis >= kFullDiskMillis) {
    last_[i] = steady_nanos();
    process_slice(i, CutMode::all);
  }
}

/// There is no space to keep the bytes: they are taken, so that the container goes on, and counted.
void Logger::discard(int i) {
  process_slice(i, CutMode::all);
  char bytes[65536];
  const ssize_t n = read(kOut + i, bytes, sizeof bytes);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return end(i);
  if (n < 0) return;
  auto state = slots_.state();
  auto& stream = state.streams[i];
  const auto processed = stream.processed;
  stream = drop(stream, {bytes, static_cast<std::size_t>(n)}, Dropped::disk_full);
  stream.processed = processed;  // they never were in the journal
  slots_.commit(state);
}

/// Moves every whole line from the journal to the log.
void Logger::process(int i, CutMode mode) {
  while (process_slice(i, mode)) {
  }
  if (slots_.state().streams[i].processed > kJournalLimit) begin_journal(i);
}

/// False when there is nothing more to do.
bool Logger::process_slice(int i, CutMode mode) {
  auto state = slots_.state();
  auto& stream = state.streams[i];
  const auto bytes = journals_[i].pending(stream.processed, kSlice);
  if (mode == CutMode::lines && !bytes.empty() && exceeded(i)) {
    stream = drop(stream, bytes, Dropped::rate_limit);
    unfinished_[i] = false;
    slots_.commit(state);
    return true;
  }
  const auto time = now_nanos();
  const auto records = cut(stream, bytes, i == 1, time, mode);
  unfinished_[i] = records.taken < bytes.size();
  if (records.text.empty()) {
    stream = records.after;
    if (records.taken > 0) slots_.commit(state);
    return records.taken > 0;
  }
  Intent intent;
  intent.active = 1;
  intent.stream = static_cast<std::uint32_t>(i);
  intent.mode = static_cast<std::uint32_t>(mode);
  intent.bytes = bytes.size();
  intent.time_nanos = time;
  write(records, intent);
  return records.taken > 0;
}

void Logger::begin_journal(int i) {
  auto next = slots_.state();
  auto& stream = next.streams[i];
  if (!journals_[i].carry_over(stream.processed)) return;
  stream.journal = 1 - stream.journal;
  stream.processed = 0;
  slots_.commit(next);
  journals_[i].use(stream.journal);
  journals_[i].clear_other();
}

/// Decides where the records go, says so, and writes them.
void Logger::write(const Cut& cut, Intent intent) {
  auto state = slots_.state();
  const bool full = state.log_size > 0 && state.log_size + cut.text.size() > most_bytes_;
  intent.file = state.file + (full ? 1 : 0);
  intent.offset = full ? 0 : state.log_size;
  state.intent = intent;
  slots_.commit(state);
  carry_out(intent, cut);
  auto& payer = budget_.exceeded(steady_nanos()) ? reserve_[intent.stream] : budget_;
  payer.spend(cut.text.size());
}

void Logger::carry_out(const Intent& intent, const Cut& records) {
  auto next = slots_.state();
  auto& stream = next.streams[intent.stream];
  const auto before = stream;
  std::size_t head = 0;
  if (intent.offset == 0 && intent.file > 0) {
    const auto numbers = numbers_before(next, intent.time_nanos);
    head = files_.write(intent.file, 0, numbers);
    if (head < numbers.size()) head = 0;
  }
  const bool may_go_on = head > 0 || intent.offset > 0 || intent.file == 0;
  const auto written = may_go_on ? files_.write(intent.file, intent.offset + head, records.text) : 0;
  stream = records.after;
  std::size_t kept = records.text.size();
  if (written < records.text.size()) stream = shortened(before, records, written, kept);
  next.file = intent.file;
  next.log_size = intent.offset + head + kept;
  next.intent = {};
  slots_.commit(next);
  if (kept < records.text.size()) files_.cut(next.file, next.log_size);
}

}  // namespace cloudless::logger
