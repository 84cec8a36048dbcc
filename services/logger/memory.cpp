#include "services/logger/memory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace cloudless::logger {
namespace {

constexpr std::size_t kPiece = 65536;
constexpr const char* kNames[] = {"/stdout.0", "/stdout.1", "/stderr.0", "/stderr.1", "/slots", "/pid"};

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
  const int fd = open((dir + "/slots").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
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
  slot.log_size = next.log_size;
  std::memcpy(slot.streams, next.streams, sizeof slot.streams);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  *const_cast<volatile std::uint64_t*>(&slot.sequence) = next.sequence;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  state_ = next;
}

Journal::Journal(const std::string& dir, const char* stream)
    : files_{open_or_memory(dir + "/" + stream + ".0"), open_or_memory(dir + "/" + stream + ".1")} {}

Taken Journal::take_from(int pipe, std::uint32_t which) {
  auto end = static_cast<loff_t>(size_of(files_[which]));
  const ssize_t n = splice(pipe, nullptr, files_[which], &end, kPiece, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (n > 0) return Taken::some;
  if (n == 0) return Taken::end;
  return errno == EAGAIN || errno == EINTR ? Taken::nothing : Taken::no_space;
}

std::string_view Journal::pending(std::uint32_t which, std::uint64_t processed) {
  const auto size = size_of(files_[which]);
  buffer_.resize(size > processed ? size - processed : 0);
  std::size_t have = 0;
  while (have < buffer_.size()) {
    const ssize_t n = pread(files_[which], buffer_.data() + have, buffer_.size() - have,
                            static_cast<off_t>(processed + have));
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  buffer_.resize(have);
  return buffer_;
}

bool Journal::carry_over(std::uint32_t which, std::uint64_t processed) {
  const auto rest = pending(which, processed);
  const int other = files_[1 - which];
  if (ftruncate(other, 0) != 0) return false;
  return pwrite(other, rest.data(), rest.size(), 0) == static_cast<ssize_t>(rest.size());
}

void Journal::clear(std::uint32_t which) {
  [[maybe_unused]] const int ignored = ftruncate(files_[which], 0);
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
