#include "actors/runtime/containerd/volumes.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace cloudless::runtime {
namespace {

constexpr char kLayers[] = "/.layers";
constexpr char kTrash[] = "/.trash";
constexpr unsigned kOurs = 0700;  // nobody on the node looks into replicas' folders
constexpr unsigned kOpen = 0777;  // whoever the container runs as writes into an empty volume
constexpr int kMostTrashTries = 10000;

/// Names in a folder that do not begin with a dot.
std::vector<std::string> entries_of(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  // Step by step: others may remove what is there at the same time, which is no exception.
  std::filesystem::directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    auto name = entry->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  return names;
}

Result<Nothing> make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  return make_folder(path, kOurs);
}

bool write_all_of(int fd, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = ::write(fd, bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

Result<Nothing> write_file(const std::string& path, const PlannedFile& file, FileOwner owner) {
  const auto draft = path + ".new";
  ::unlink(draft.c_str());
  {
    const OpenFile out(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    // The mode last: a change of the owner takes set-user-id bits away.
    if (!out.open() || !write_all_of(out.get(), file.content) ||
        ::fchown(out.get(), owner.user, owner.group) != 0 || ::fchmod(out.get(), file.mode) != 0)
      return folder_error("cannot write", draft);
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return folder_error("cannot write", path);
  return Nothing{};
}

/// A replica's folder out of use: volumes one by one, as each may have a limit and an image of its own.
Result<Nothing> remove_replica_folder(const std::string& folder) {
  if (auto unmounted = unmount_within(folder); !unmounted) return unmounted;
  for (const auto& name : entries_of(folder + "/volumes"))
    if (auto removed = remove_limited_folder(folder + "/volumes/" + name); !removed) return removed;
  return remove_tree(folder);
}

/// "volumes/x" of an overlay's directories get the mode and owner of those they replace.
Result<Nothing> copy_folder(const std::string& original, const std::string& path) {
  struct stat status {};
  if (::stat(original.c_str(), &status) != 0) return folder_error("cannot look at", original);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return folder_error("cannot make", path);
  if (::chown(path.c_str(), status.st_uid, status.st_gid) != 0 ||
      ::chmod(path.c_str(), status.st_mode & 07777) != 0)
    return folder_error("cannot set the owner of", path);
  return Nothing{};
}

std::string option_value(const std::vector<std::string>& options, const std::string& key) {
  for (const auto& option : options)
    if (option.starts_with(key + "=")) return option.substr(key.size() + 1);
  return {};
}

}  // namespace

Volumes::Volumes(std::string folder, DiskLimitMeans means) : folder_(std::move(folder)), means_(means) {}

void Volumes::claim(const ReplicaId& replica, const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  claims_[replica.value] = sweeps_;
  claims_[container.value] = sweeps_;
}

std::string Volumes::folder_of(const ReplicaId& replica) const {
  return folder_ + "/" + replica.value;
}

Result<Nothing> Volumes::make(const VolumePlan& plan, FileOwner owner) {
  if (plan.volumes.empty() && plan.files.empty()) return Nothing{};
  if (plan.replica.value.starts_with('.') || plan.replica.value.find('/') != std::string::npos)
    return fail(Errc::invalid_argument, "\"" + plan.replica.value + "\" is no replica's id");
  if (auto made = make_folders(folder_); !made) return made;
  const auto home = folder_of(plan.replica);
  for (const auto& folder : {home, home + "/volumes", home + "/files"})
    if (auto made = make_folder(folder, kOurs); !made) return made;
  for (const auto& volume : plan.volumes) {
    auto made = std::visit([&](const auto& source) { return make_volume(home + "/" + volume.place, source); },
                           volume.source);
    if (!made) return made;
  }
  for (const auto& file : plan.files)
    if (auto written = write_file(home + "/" + file.place, file, owner); !written) return written;
  return Nothing{};
}

Result<Nothing> Volumes::make_volume(const std::string& place, const EmptyDir& source) {
  if (!source.memory && source.size_limit_bytes > 0)
    return make_limited_folder(place, source.size_limit_bytes, kOpen, means_);
  if (auto made = make_folder(place, kOpen); !made) return made;
  if (!source.memory || is_mount_point(place)) return Nothing{};
  return mount_memory(place, source.size_limit_bytes, kOpen);
}

Result<Nothing> Volumes::make_volume(const std::string& place, const GrantedHostPath& source) {
  // Anew with every start: the policy may have changed, and so may what the path leads to.
  if (auto unmounted = unmount_within(place); !unmounted) return unmounted;
  const auto open = open_beneath(source.root, source.path);
  if (!open) return fail(open.error());
  if (auto made = make_place_like(*open, place); !made) return made;
  return show_at(*open, place, source.read_only);
}

Result<std::vector<std::string>> Volumes::make_layer(const ContainerId& container, std::int64_t bytes,
                                                     const std::vector<std::string>& options) {
  const auto home = folder_ + kLayers + "/" + container.value;
  const auto layer = home + "/layer";
  auto with = with_layer(options, layer);
  if (!with) return with;
  for (const auto& folder : {folder_, folder_ + kLayers, home})
    if (auto made = make_folders(folder); !made) return fail(made.error());
  if (auto made = make_limited_folder(layer, bytes, kOurs, means_); !made) return fail(made.error());
  for (const auto& [key, name] : {std::pair("upperdir", "/fs"), std::pair("workdir", "/work")})
    if (auto made = copy_folder(option_value(options, key), layer + name); !made) return fail(made.error());
  return with;
}

Result<Nothing> Volumes::remove_layer(const ContainerId& container) {
  const auto home = folder_ + kLayers + "/" + container.value;
  if (::access(home.c_str(), F_OK) != 0) return Nothing{};
  if (auto removed = remove_limited_folder(home + "/layer"); !removed) return removed;
  return remove_tree(home);
}

std::uint64_t Volumes::begin_sweep() {
  const std::lock_guard lock(mutex_);
  return ++sweeps_;
}

bool Volumes::hold_anything() const {
  for (const auto* part : {"", kLayers, kTrash})
    if (!entries_of(folder_ + part).empty()) return true;
  return false;
}

bool Volumes::is_claimed_since(const std::string& name, std::uint64_t number) const {
  const auto claim = claims_.find(name);
  return claim != claims_.end() && claim->second >= number;
}

Result<Nothing> Volumes::retire(const std::string& replica, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (is_claimed_since(replica, number)) return Nothing{};
  const auto home = folder_ + "/" + replica;
  if (auto unmounted = unmount_within(home); !unmounted) return unmounted;
  if (auto made = make_folder(folder_ + kTrash, kOurs); !made) return made;
  for (int tries = 0; tries < kMostTrashTries; ++tries) {
    const auto free = folder_ + kTrash + "/" + std::to_string(++retired_);
    if (::renameat2(AT_FDCWD, home.c_str(), AT_FDCWD, free.c_str(), RENAME_NOREPLACE) == 0) return Nothing{};
    if (errno != EEXIST) break;
  }
  return folder_error("cannot move away", home);
}

Result<Nothing> Volumes::empty_trash() {
  Result<Nothing> result = Nothing{};
  for (const auto& name : entries_of(folder_ + kTrash))
    if (auto removed = remove_replica_folder(folder_ + kTrash + "/" + name); !removed) result = removed;
  return result;
}

Result<Nothing> Volumes::sweep(std::uint64_t number, const std::set<ReplicaId>& replicas,
                               const std::set<ContainerId>& containers) {
  const std::lock_guard one_at_a_time(sweep_mutex_);
  Result<Nothing> result = Nothing{};
  for (const auto& name : entries_of(folder_))
    if (!replicas.contains(ReplicaId{name}))
      if (auto retired = retire(name, number); !retired) result = retired;
  for (const auto& name : entries_of(folder_ + kLayers)) {
    if (containers.contains(ContainerId{name})) continue;
    {
      const std::lock_guard lock(mutex_);
      if (is_claimed_since(name, number)) continue;
    }
    if (auto removed = remove_layer(ContainerId{name}); !removed) result = removed;
  }
  if (auto emptied = empty_trash(); !emptied) result = emptied;
  const std::lock_guard lock(mutex_);
  std::erase_if(claims_, [number](const auto& claim) { return claim.second < number; });
  return result;
}

}  // namespace cloudless::runtime
