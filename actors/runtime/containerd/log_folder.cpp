#include "actors/runtime/containerd/log_folder.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "actors/runtime/containerd/log_format.hpp"

namespace cloudless::runtime {
namespace {

template <class Visit>
void for_each_log_file(const std::string& dir, Visit&& visit) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    const auto file = entry.path().filename().string();
    if (const auto name = parse_log_name(file)) visit(ContainerId{std::string{name->name}}, entry.path());
  }
}

}  // namespace

std::vector<LogFile> logs_in(const std::string& dir) {
  std::map<ContainerId, WallMillis> written;
  for_each_log_file(dir, [&](const ContainerId& container, const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return;
    auto& at = written[container];
    at = std::max(at, status.st_mtim.tv_sec * WallMillis{1000});
  });
  std::vector<LogFile> out;
  for (const auto& [container, at] : written) out.push_back({container, at});
  return out;
}

void remove_logs(const std::string& dir, const std::set<ContainerId>& containers) {
  if (containers.empty()) return;
  for_each_log_file(dir, [&](const ContainerId& container, const std::filesystem::path& path) {
    std::error_code ignored;
    if (containers.contains(container)) std::filesystem::remove(path, ignored);
  });
}

}  // namespace cloudless::runtime
