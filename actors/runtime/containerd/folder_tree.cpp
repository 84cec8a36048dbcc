#include "actors/runtime/containerd/folder_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

namespace cloudless::runtime {
namespace {

// Deeper directories are moved up before they are emptied: a container can nest them without end, but a
// process has few descriptors.
constexpr int kDeepest = 32;

int open_at(int folder, const char* path, std::uint64_t flags, std::uint64_t resolve) {
  struct open_how how {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve;
  return static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof how));
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseDir> dir(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!dir) return names;
  while (const auto* entry = ::readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

class TreeRemoval {
 public:
  explicit TreeRemoval(int top) : top_(top) {}

  /// True when the top is empty; else errno is the first thing that stood in the way.
  bool run() {
    do {
      progress_ = false;
      error_ = 0;
      empty_out(top_, 0);
      if (names_in(top_).empty()) return true;
    } while (progress_);
    errno = error_ != 0 ? error_ : EBUSY;
    return false;
  }

 private:
  void empty_out(int folder, int depth) {
    for (const auto& name : names_in(folder)) remove_one(folder, name.c_str(), depth);
  }

  void remove_one(int folder, const char* name, int depth) {
    if (::unlinkat(folder, name, 0) == 0 || errno == ENOENT) return done();
    if (errno != EISDIR && errno != EPERM) return failed();
    if (::unlinkat(folder, name, AT_REMOVEDIR) == 0) return done();
    if (errno != ENOTEMPTY && errno != EEXIST) return failed();
    if (depth >= kDeepest) return move_up(folder, name);
    const OpenFile inner(open_at(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
    if (!inner.open()) return failed();
    empty_out(inner.get(), depth + 1);
    ::unlinkat(folder, name, AT_REMOVEDIR) == 0 ? done() : failed();
  }

  void move_up(int folder, const char* name) {
    for (int tries = 0; tries < 1000; ++tries) {
      const auto free = ".deep-" + std::to_string(++moved_);
      if (::renameat2(folder, name, top_, free.c_str(), RENAME_NOREPLACE) == 0) return done();
      if (errno != EEXIST) break;
    }
    failed();
  }

  void done() { progress_ = true; }
  void failed() {
    if (error_ == 0) error_ = errno;
  }

  const int top_;
  int moved_ = 0;
  int error_ = 0;
  bool progress_ = false;
};

/// mountinfo writes blanks, tabs, newlines and backslashes as three octal digits.
std::string unescape_mount(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size()) {
      out += text[i];
      continue;
    }
    out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

}  // namespace

OpenFile::~OpenFile() {
  if (fd_ >= 0) ::close(fd_);
}

tl::unexpected<Error> folder_error(const std::string& what, const std::string& path, Errc code) {
  return fail(code, what + " " + path + ": " + std::strerror(errno));
}

Result<OpenFile> open_beneath(const std::string& root, const std::string& path) {
  const OpenFile top(::open(root.c_str(), O_PATH | O_CLOEXEC));
  if (!top.open())
    return folder_error("this node's allowed host path cannot be opened:", root, Errc::failed_precondition);
  auto rest = path.substr(std::min(path.size(), root.size()));
  rest.erase(0, rest.find_first_not_of('/'));
  OpenFile found(rest.empty()
                     ? ::fcntl(top.get(), F_DUPFD_CLOEXEC, 0)
                     : open_at(top.get(), rest.c_str(), O_PATH, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS));
  const auto refuse = [&](const std::string& why) {
    return fail(Errc::failed_precondition, "host path " + path + " " + why);
  };
  if (found.open()) {
    struct stat status {};
    if (::fstat(found.get(), &status) == 0 &&
        (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode)))
      return found;
    return refuse("is neither a directory nor a file nor a socket on this node");
  }
  switch (errno) {
    case ENOENT:
      return refuse("does not exist on this node");
    case ENOTDIR:
      return refuse("leads through something that is not a directory on this node");
    case EXDEV:
      return refuse("leaves " + root + ", which is what this node allows, by a symbolic link");
    case ELOOP:
      return refuse("leads through a symbolic link that cannot be followed");
    case ENOSYS:
      return refuse("cannot be resolved safely: that needs Linux 5.6 or later");
    default:
      return refuse(std::string("cannot be opened on this node: ") + std::strerror(errno));
  }
}

Result<Nothing> make_folder(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) return Nothing{};
    return folder_error("cannot make folder", path);
  }
  if (::chmod(path.c_str(), mode) != 0) return folder_error("cannot set the mode of", path);
  return Nothing{};
}

bool is_mount_point(const std::string& path) {
  struct statx status {};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0 &&
         (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<Nothing> make_place_like(const OpenFile& like, const std::string& path) {
  struct stat wanted {
  }, there{};
  if (::fstat(like.get(), &wanted) != 0) return folder_error("cannot look at what goes to", path);
  const bool exists = ::lstat(path.c_str(), &there) == 0;
  if (exists && S_ISDIR(wanted.st_mode) == S_ISDIR(there.st_mode)) return Nothing{};
  if (exists)
    if (auto removed = remove_tree(path); !removed) return removed;
  if (S_ISDIR(wanted.st_mode)) return make_folder(path, 0700);
  const OpenFile file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.open()) return folder_error("cannot make", path);
  return Nothing{};
}

Result<Nothing> show_at(const OpenFile& open, const std::string& target, bool read_only) {
  const auto source = "/proc/self/fd/" + std::to_string(open.get());
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return folder_error("cannot mount a host path on", target);
  const unsigned long flags =
      MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | (read_only ? static_cast<unsigned long>(MS_RDONLY) : 0UL);
  if (::mount(nullptr, target.c_str(), nullptr, flags, nullptr) != 0 ||
      ::mount(nullptr, target.c_str(), nullptr, MS_PRIVATE, nullptr) != 0) {
    const auto error = folder_error("cannot restrict the mount on", target);
    ::umount2(target.c_str(), MNT_DETACH);
    return error;
  }
  return Nothing{};
}

Result<Nothing> mount_memory(const std::string& target, std::int64_t bytes, unsigned mode) {
  std::ostringstream options;
  options << "mode=" << std::oct << mode << std::dec;
  if (bytes > 0) options << ",size=" << bytes;
  if (::mount("cloudless", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.str().c_str()) != 0)
    return folder_error("cannot mount memory on", target);
  ::mount(nullptr, target.c_str(), nullptr, MS_PRIVATE, nullptr);
  return Nothing{};
}

std::vector<std::string> mounts_within(const std::string& folder) {
  std::ifstream in("/proc/self/mountinfo");
  std::vector<std::string> found;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, point;
    words >> id >> parent >> device >> root >> point;
    point = unescape_mount(point);
    if (point == folder || point.starts_with(folder + "/")) found.push_back(point);
  }
  // What was mounted later lies on top or below.
  std::reverse(found.begin(), found.end());
  return found;
}

Result<Nothing> unmount_within(const std::string& folder) {
  for (const auto& point : mounts_within(folder))
    if (::umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL)
      return folder_error("cannot unmount", point);
  if (const auto left = mounts_within(folder); !left.empty())
    return fail(Errc::unavailable, "cannot unmount " + left.front());
  return Nothing{};
}

Result<Nothing> remove_tree(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return Nothing{};
  const OpenFile top(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!top.open() || !TreeRemoval(top.get()).run() || ::rmdir(path.c_str()) != 0)
    return folder_error("cannot remove", path);
  return Nothing{};
}

}  // namespace cloudless::runtime
