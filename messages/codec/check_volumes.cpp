#include "messages/codec/check_volumes.hpp"

#include <map>

#include "messages/domain/names.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxVolumes = 64;
constexpr std::size_t kMaxConfigFiles = 64;
constexpr std::size_t kMaxContent = 1 << 20;  // together
constexpr std::uint64_t kLeastSize = 4096;
constexpr std::uint64_t kMostSize = 1ULL << 50;
constexpr std::uint32_t kMaxMode = 0777;
constexpr char kSharedMemory[] = "/dev/shm";

/// What stands at a path in the container, with what else may stand below it.
struct Standing {
  std::string field;
  const char* shut = nullptr;  ///< why nothing may be put below it; absent: it may
};
using StandingByPath = std::map<std::string, Standing>;

/// Why nothing may be put at this path of the container; "" if it may.
std::string target_error(const std::string& path, bool file) {
  if (auto error = path_error(path); !error.empty()) return error;
  for (const char* kernel : {"/proc", "/sys", "/dev"})
    if (is_path_within(path, kernel) && (file || path != kSharedMemory))
      return "is '" + path + "': " + kernel + " belongs to the kernel" +
             (kernel == std::string("/dev") && !file ? "; of it only /dev/shm can be a volume" : "");
  if (path == "/etc" && !file) return "is '/etc', where the node puts hosts and resolv.conf; mount below it";
  return {};
}

void check_empty_dir(const api::Volume::EmptyDir& source, const std::string& path, Violations& v) {
  if (source.size_limit_bytes() != 0)
    v.check_range(path + ".size_limit_bytes", source.size_limit_bytes(), kLeastSize, kMostSize);
}

void check_source(const api::Volume& volume, const std::string& path, Violations& v) {
  switch (volume.source_case()) {
    case api::Volume::kEmptyDir:
      return check_empty_dir(volume.empty_dir(), path + ".empty_dir", v);
    case api::Volume::kHostPath:
      if (const auto& host = volume.host_path().path(); host != "/")
        if (auto error = path_error(host); !error.empty()) v.add(path + ".host_path.path", std::move(error));
      return;
    case api::Volume::SOURCE_NOT_SET:
      return v.add(path, "needs a source: empty_dir or host_path");
  }
}

const char* shut_below(const api::Volume& volume) {
  if (volume.read_only()) return "which is read-only, so nothing can be put into it";
  if (volume.source_case() == api::Volume::kHostPath)
    return "a directory of the node, in which nothing is made for a workload";
  return nullptr;
}

/// Two things at one path, or one below another that cannot hold it.
void check_standing(const StandingByPath& all, Violations& v) {
  for (const auto& [path, thing] : all) {
    for (auto slash = path.rfind('/'); slash != 0 && slash != std::string::npos;
         slash = path.rfind('/', slash - 1)) {
      const auto above = all.find(path.substr(0, slash));
      if (above == all.end() || above->second.shut == nullptr) continue;
      v.add(thing.field, "is '" + path + "', below " + above->second.field + ", " + above->second.shut);
      break;
    }
  }
}

void stand(StandingByPath& all, const std::string& path, Standing thing, Violations& v) {
  const auto field = thing.field;
  if (const auto [first, fresh] = all.emplace(path, std::move(thing)); !fresh)
    v.add(field, "is '" + path + "' again, as in " + first->second.field);
}

void check_each_volume(const api::WorkloadSpec& spec, const std::string& path, StandingByPath& all,
                       Violations& v) {
  v.check_count(path, static_cast<std::size_t>(spec.volumes_size()), kMaxVolumes);
  std::map<std::string, std::size_t> names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(spec.volumes_size()); ++i) {
    const auto& volume = spec.volumes(static_cast<int>(i));
    const auto here = item(path, i);
    if (!is_dns_label(volume.name())) {
      v.add(here + ".name", volume.name().empty() ? "is required"
                                                  : "must be 1-63 characters of [a-z0-9-], beginning and "
                                                    "ending with a letter or digit");
    } else if (const auto [first, fresh] = names.emplace(volume.name(), i); !fresh) {
      v.add(here + ".name", "is '" + volume.name() + "' again, as in " + item(path, first->second));
    }
    if (auto error = target_error(volume.mount_path(), false); !error.empty())
      v.add(here + ".mount_path", std::move(error));
    else
      stand(all, volume.mount_path(), {here + ".mount_path", shut_below(volume)}, v);
    check_source(volume, here, v);
  }
}

void check_each_file(const api::WorkloadSpec& spec, const std::string& path, StandingByPath& all,
                     Violations& v) {
  v.check_count(path, static_cast<std::size_t>(spec.config_files_size()), kMaxConfigFiles);
  std::size_t total = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(spec.config_files_size()); ++i) {
    const auto& file = spec.config_files(static_cast<int>(i));
    const auto here = item(path, i);
    if (auto error = target_error(file.path(), true); !error.empty())
      v.add(here + ".path", std::move(error));
    else
      stand(all, file.path(), {here + ".path", "which is a file"}, v);
    if (file.has_mode() && file.mode() > kMaxMode)
      v.add(here + ".mode", "must be permission bits, 0 to 0777 (511)");
    total += file.content().size();
  }
  if (total > kMaxContent)
    v.add(path, "is " + std::to_string(total) + " bytes of content together, at most " +
                    std::to_string(kMaxContent));
}

}  // namespace

void check_volumes(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  StandingByPath all;
  check_each_volume(spec, join(path, "volumes"), all, v);
  check_each_file(spec, join(path, "config_files"), all, v);
  check_standing(all, v);
}

}  // namespace cloudless::codec
