#include "actors/runtime/log_retention.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace cloudless::runtime {

std::vector<ContainerId> expired_logs(std::vector<LogFile> files, const std::set<ContainerId>& keep,
                                      WallMillis now) {
  // Newest first, so that what is too much is what is oldest.
  std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) {
    return std::pair(a.written_at, a.container) > std::pair(b.written_at, b.container);
  });
  std::map<std::string, std::size_t> attempts;
  std::size_t kept = 0;
  std::vector<ContainerId> expired;
  for (auto& file : files) {
    const std::string& name = file.container.value;
    const bool too_many_attempts = ++attempts[name.substr(0, name.rfind('-'))] > kAttemptsKept;
    if (keep.contains(file.container)) continue;
    if (too_many_attempts || now - file.written_at > kKeepLogsFor || kept >= kLogsKept)
      expired.push_back(std::move(file.container));
    else
      ++kept;
  }
  return expired;
}

}  // namespace cloudless::runtime
