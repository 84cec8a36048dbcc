#include "services/logger/positions.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace cloudless::logger {
namespace {

constexpr const char* kNames[] = {"/stdout.0", "/stdout.1", "/stderr.0", "/stderr.1", "/positions", "/pid"};

int open_or_memory(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  return fd >= 0 ? fd : memfd_create("cloudless-logger", MFD_CLOEXEC);
}

std::uint64_t size_of(int fd) {
  struct stat s {};
  return fstat(fd, &s) == 0 ? static_cast<std::uint64_t>(s.st_size) : 0;
}

}  // namespace

Slots::Slots(const std::string& dir) {
  constexpr std::size_t kSize = 2 * sizeof(State);
  const int fd = open((dir + "/positions").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  // Space is taken now: a mapping without it would end the process when it is written.
  const bool usable = fd >= 0 && posix_fallocate(fd, 0, kSize) == 0;
  void* mapped = usable ? mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                        : mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (fd >= 0) close(fd);
  if (mapped == MAP_FAILED) _exit(1);
  slots_ = static_cast<State*>(mapped);
  state_ = slots_[slots_[1].sequence > slots_[0].sequence ? 1 : 0];
}

void Slots::commit(State next) {
  next.sequence = state_.sequence + 1;
  State& slot = slots_[next.sequence % 2];
  // The slot that does not count is written; from the instant its sequence is the higher one, it counts.
  const auto sequence = std::exchange(next.sequence, slot.sequence);
  std::memcpy(&slot, &next, sizeof slot);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  *const_cast<volatile std::uint64_t*>(&slot.sequence) = sequence;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  state_ = next;
  state_.sequence = sequence;
}

Journal::Journal(const std::string& dir, const char* stream)
    : files_{open_or_memory(dir + "/" + stream + ".0"), open_or_memory(dir + "/" + stream + ".1")} {}

void Journal::use(std::uint32_t which) {
  which_ = which;
  size_ = size_of(files_[which_]);
  buffer_at_ = buffer_size_ = 0;
}

Taken Journal::take_from(int pipe, std::size_t limit) {
  auto end = static_cast<loff_t>(size_);
  const ssize_t n = splice(pipe, nullptr, files_[which_], &end, limit, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (n > 0) size_ += static_cast<std::uint64_t>(n);
  if (n > 0) return Taken::some;
  if (n == 0) return Taken::end;
  return errno == EAGAIN || errno == EINTR ? Taken::nothing : Taken::no_space;
}

std::string_view Journal::pending(std::uint64_t processed, std::size_t limit) {
  const auto want = size_ > processed ? std::min<std::uint64_t>(size_ - processed, limit) : 0;
  if (want == 0) return {};
  const auto end = buffer_at_ + buffer_size_;
  const auto left = processed >= buffer_at_ && processed < end ? end - processed : 0;
  // Half of it will do: what is cut into many short lines is not read again for each cut.
  if (left >= want || left >= limit / 2)
    return std::string_view(buffer_).substr(processed - buffer_at_, std::min<std::uint64_t>(left, limit));
  read(processed, want);
  return std::string_view(buffer_).substr(0, buffer_size_);
}

void Journal::read(std::uint64_t from, std::uint64_t length) {
  if (buffer_.size() < length) buffer_.resize(length);
  buffer_at_ = from;
  buffer_size_ = 0;
  while (buffer_size_ < length) {
    const ssize_t n = pread(files_[which_], buffer_.data() + buffer_size_, length - buffer_size_,
                            static_cast<off_t>(from + buffer_size_));
    if (n <= 0) break;
    buffer_size_ += static_cast<std::uint64_t>(n);
  }
}

bool Journal::carry_over(std::uint64_t processed) {
  read(processed, size_ - processed);
  const int other = files_[1 - which_];
  if (ftruncate(other, 0) != 0) return false;
  const auto written = pwrite(other, buffer_.data(), buffer_size_, 0);
  return written == static_cast<ssize_t>(size_ - processed);
}

void Journal::clear_other() {
  [[maybe_unused]] const int ignored = ftruncate(files_[1 - which_], 0);
}

void claim(const std::string& dir) {
  mkdir(dir.c_str(), 0700);
  const int fd = open((dir + "/pid").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);  // never closed
  if (fd < 0 || flock(fd, LOCK_EX) != 0) return;
  const auto text = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) == 0) {
    [[maybe_unused]] const ssize_t ignored = pwrite(fd, text.data(), text.size(), 0);
  }
}

void leave(const std::string& dir) {
  for (const char* name : kNames) unlink((dir + name).c_str());
  rmdir(dir.c_str());
}

}  // namespace cloudless::logger
