#include "services/logger/log_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "actors/runtime/containerd/log_format.hpp"

namespace cloudless::logger {
namespace {

constexpr std::uint64_t kLongestRecord = 32768;

/// Calls with the number of each file of this log.
template <class Visit>
void for_each_number(const std::string& log, Visit&& visit) {
  const auto slash = log.rfind('/');
  const auto wanted = runtime::parse_log_name(std::string_view(log).substr(slash + 1));
  DIR* folder = opendir(log.substr(0, slash + 1).c_str());
  while (const dirent* entry = folder != nullptr && wanted ? readdir(folder) : nullptr) {
    const auto name = runtime::parse_log_name(entry->d_name);
    if (name && name->name == wanted->name) visit(name->number);
  }
  if (folder != nullptr) closedir(folder);
}

}  // namespace

std::uint32_t LogFiles::newest() const {
  std::uint32_t newest = 0;
  for_each_number(log_, [&](std::uint32_t number) { newest = std::max(newest, number); });
  return newest;
}

void LogFiles::remove_old(std::uint32_t newest) const {
  // By looking: a logger that was killed here before may have left more than one.
  for_each_number(log_, [&](std::uint32_t number) {
    if (number + most_files_ <= newest) unlink(runtime::numbered_log(log_, number).c_str());
  });
}

bool LogFiles::use(std::uint32_t number) {
  if (file_ >= 0 && number_ == number) return true;
  if (file_ >= 0) close(file_);
  if (number > 0) remove_old(number);  // first: they may be what fills the disk
  file_ = open(runtime::numbered_log(log_, number).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  number_ = number;
  return file_ >= 0;
}

std::uint64_t LogFiles::whole_size(std::uint32_t number) {
  if (!use(number)) return 0;
  struct stat status {};
  fstat(file_, &status);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::string last(std::min(size, kLongestRecord), '\0');
  const auto from = size - last.size();
  const auto got = pread(file_, last.data(), last.size(), static_cast<off_t>(from));
  last.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const auto feed = last.rfind('\n');
  return feed == std::string::npos ? from : from + feed + 1;
}

std::size_t LogFiles::write(std::uint32_t number, std::uint64_t offset, std::string_view text) {
  if (!use(number)) return 0;
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n =
        pwrite(file_, text.data() + done, text.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

void LogFiles::cut(std::uint32_t number, std::uint64_t size) {
  if (use(number) && ftruncate(file_, static_cast<off_t>(size)) != 0) return;
}

}  // namespace cloudless::logger
