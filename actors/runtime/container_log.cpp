#include "actors/runtime/container_log.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "actors/runtime/containerd/log_format.hpp"

namespace cloudless::runtime {
namespace {

constexpr int kOffsetBits = 40;
constexpr std::size_t kScan = 256 << 10;

void count_record(std::string_view text, LineCounts& counts) {
  const auto record = parse_log_line(text);
  if (!record) return;
  auto& lines = record->is_stderr ? counts.err : counts.out;
  if (record->kind == LineKind::numbered) lines = record->count;
  if (record->kind == LineKind::dropped) lines += record->count;
  if (record->kind == LineKind::full) ++lines;
}

}  // namespace

std::uint64_t log_position(std::uint32_t file, std::uint64_t offset) {
  return (std::uint64_t{file} << kOffsetBits) | offset;
}

FilePlace file_place(std::uint64_t position) {
  return {static_cast<std::uint32_t>(position >> kOffsetBits),
          position & ((std::uint64_t{1} << kOffsetBits) - 1)};
}

ContainerLog::ContainerLog(std::string dir, const ContainerId& container)
    : dir_(std::move(dir)), name_(container.value) {}

ContainerLog::~ContainerLog() {
  if (file_ >= 0) ::close(file_);
}

std::vector<std::uint32_t> ContainerLog::numbers() const {
  std::vector<std::uint32_t> out;
  DIR* folder = ::opendir(dir_.c_str());
  while (const dirent* entry = folder ? ::readdir(folder) : nullptr) {
    const auto name = parse_log_name(entry->d_name);
    if (name && name->name == name_) out.push_back(name->number);
  }
  if (folder) ::closedir(folder);
  std::sort(out.begin(), out.end());
  return out;
}

bool ContainerLog::open(std::uint32_t number) {
  if (file_ >= 0) ::close(file_);
  number_ = number;
  file_ = ::open(path().c_str(), O_RDONLY | O_CLOEXEC);
  return file_ >= 0;
}

std::string ContainerLog::path() const {
  return numbered_log(dir_ + "/" + name_ + ".log", number_);
}

bool ContainerLog::exists(std::uint32_t number) const {
  return ::access(numbered_log(dir_ + "/" + name_ + ".log", number).c_str(), F_OK) == 0;
}

std::uint64_t ContainerLog::size() const {
  struct stat status {};
  return ::fstat(file_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

WallMillis ContainerLog::written_at() const {
  struct stat status {};
  if (::fstat(file_, &status) != 0) return 0;
  return status.st_mtim.tv_sec * WallMillis{1000} + status.st_mtim.tv_nsec / 1'000'000;
}

bool ContainerLog::removed() const {
  struct stat status {};
  return ::fstat(file_, &status) == 0 && status.st_nlink == 0;
}

std::string ContainerLog::read(std::uint64_t offset, std::size_t length) const {
  std::string out(length, '\0');
  std::size_t got = 0;
  while (got < length) {
    const auto n = ::pread(file_, out.data() + got, length - got, static_cast<off_t>(offset + got));
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  out.resize(got);
  return out;
}

LineCounts ContainerLog::lines_to_end() const {
  LineCounts counts;
  std::string rest;
  for (std::uint64_t at = 0;;) {
    const std::string block = read(at, kScan);
    at += block.size();
    rest += block;
    std::size_t begin = 0;
    for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', begin)) {
      count_record(std::string_view(rest).substr(begin, end - begin), counts);
      begin = end + 1;
    }
    rest.erase(0, begin);
    if (block.size() < kScan) return counts;
  }
}

LineCounts ContainerLog::lines_before() const {
  constexpr std::size_t kTwoRecords = 512;
  LineCounts counts;
  const std::string head = read(0, kTwoRecords);
  std::size_t begin = 0;
  for (int i = 0; i < 2; ++i) {
    const auto end = head.find('\n', begin);
    if (end == std::string::npos) break;
    const auto record = parse_log_line(std::string_view(head).substr(begin, end - begin));
    if (record && record->kind == LineKind::numbered)
      (record->is_stderr ? counts.err : counts.out) = record->count;
    begin = end + 1;
  }
  return counts;
}

}  // namespace cloudless::runtime
