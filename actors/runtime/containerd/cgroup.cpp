#include "actors/runtime/containerd/cgroup.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace cloudless::runtime {
namespace {

constexpr char kRoot[] = "/sys/fs/cgroup";
constexpr std::int64_t kMebibyte = 1 << 20;

/// The number after `key` in a file of "key value" lines; absent if the file or the key is not there.
std::optional<std::int64_t> counter(const std::string& file, const std::string& key) {
  std::ifstream in(file);
  std::string name;
  std::int64_t value = 0;
  while (in >> name >> value)
    if (name == key) return value;
  return std::nullopt;
}

std::string limit_text(const std::string& file) {
  std::ifstream in(file);
  std::int64_t bytes = 0;
  if (!(in >> bytes) || bytes >= (std::int64_t{1} << 60)) return "no limit of its own";
  return "limit " + (bytes % kMebibyte == 0 ? std::to_string(bytes / kMebibyte) + " MiB"
                                            : std::to_string(bytes) + " bytes");
}

}  // namespace

std::optional<std::string> out_of_memory(const std::string& path) {
  const auto v1 = std::string(kRoot) + "/memory" + path;
  if (const auto kills = counter(v1 + "/memory.oom_control", "oom_kill")) {
    if (*kills == 0) return std::nullopt;
    return "out of memory, " + limit_text(v1 + "/memory.limit_in_bytes");
  }
  const auto v2 = std::string(kRoot) + path;
  if (counter(v2 + "/memory.events", "oom_kill").value_or(0) == 0) return std::nullopt;
  return "out of memory, " + limit_text(v2 + "/memory.max");
}

void remove_cgroup(const std::string& path) {
  rmdir((kRoot + path).c_str());
  std::error_code ignored;
  for (const auto& hierarchy : std::filesystem::directory_iterator(kRoot, ignored))
    if (hierarchy.is_directory(ignored)) rmdir((hierarchy.path().string() + path).c_str());
}

}  // namespace cloudless::runtime
