#include "actors/runtime/containerd/image_root.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <thread>

namespace cloudless::runtime {
namespace {

constexpr std::size_t kMostBytes = 256 << 10;
constexpr std::string_view kLowerDir = "lowerdir=";

class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd() {
    if (fd_ >= 0) close(fd_);
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }

 private:
  int fd_;
};

Error os_error(const std::string& what) {
  return {Errc::internal, "the image's files: " + what + ": " + std::strerror(errno), {}};
}

Error image_error(const std::string& path, const std::string& what) {
  return {Errc::failed_precondition, "the image's " + path + " " + what, {}};
}

/// A mount's data is at most a page, which the full names of many layers do not fit into: they are named from
/// the folder that they share, which becomes the thread's own.
void shorten_layers(std::string& option) {
  const auto value = option.substr(kLowerDir.size());
  std::vector<std::string> layers;
  for (std::size_t at = 0; at <= value.size();) {
    const auto end = std::min(value.find(':', at), value.size());
    layers.push_back(value.substr(at, end - at));
    at = end + 1;
  }
  auto shared = layers.front().substr(0, layers.front().rfind('/') + 1);
  for (const auto& layer : layers)
    while (!layer.starts_with(shared)) shared = shared.substr(0, shared.rfind('/', shared.size() - 2) + 1);
  if (shared.empty() || chdir(shared.c_str()) != 0) return;
  option = kLowerDir;
  for (const auto& layer : layers)
    option += (option.size() > kLowerDir.size() ? ":" : "") + layer.substr(shared.size());
}

bool mount_layers(const LayerMount& mount, const std::string& target) {
  unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  std::string data;
  for (auto option : mount.options) {
    if (option == "ro" || option == "rw") continue;
    if (option == "bind" || option == "rbind") {
      flags |= MS_BIND;
      continue;
    }
    if (option.starts_with(kLowerDir)) shorten_layers(option);
    data += (data.empty() ? "" : ",") + option;
  }
  return ::mount(mount.source.c_str(), target.c_str(), mount.type.c_str(), flags, data.c_str()) == 0;
}

/// `path` with its links resolved inside `root`, whatever they say.
int open_inside(int root, const std::string& path) {
  struct open_how how {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
}

Result<std::string> read_file(int root, const std::string& path) {
  const OwnedFd place(open_inside(root, path));
  if (!place.open()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::string{};
    return fail(image_error(path, std::string("cannot be opened: ") + std::strerror(errno)));
  }
  struct stat status {};
  if (fstat(place.get(), &status) != 0) return fail(os_error(path));
  // Before it is opened: what opening a device or a pipe does, the image's maker decides.
  if (!S_ISREG(status.st_mode)) return fail(image_error(path, "is not a regular file"));
  if (static_cast<std::size_t>(status.st_size) > kMostBytes)
    return fail(image_error(path, "is larger than 256 KiB"));
  const OwnedFd file(::open(("/proc/self/fd/" + std::to_string(place.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) return fail(os_error(path));
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const auto got = read(file.get(), text.data() + have, text.size() - have);
    if (got < 0) return fail(os_error(path));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

Result<std::vector<std::string>> read_mounted(const std::vector<LayerMount>& mounts,
                                              const std::string& folder,
                                              const std::vector<std::string>& paths) {
  // Slave: nothing that is mounted here is seen elsewhere, and what is unmounted elsewhere goes here too.
  if (unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return fail(os_error("a mount namespace"));
  for (const auto& mount : mounts)
    if (!mount_layers(mount, folder)) return fail(os_error("mount its layers"));
  const OwnedFd root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.open()) return fail(os_error(folder));
  std::vector<std::string> out;
  for (const auto& path : paths) {
    auto text = read_file(root.get(), path);
    if (!text) return fail(text.error());
    out.push_back(std::move(*text));
  }
  return out;
}

}  // namespace

Result<std::vector<std::string>> read_image_files(const std::vector<LayerMount>& mounts,
                                                  const std::string& folder,
                                                  const std::vector<std::string>& paths) {
  Result<std::vector<std::string>> out = fail(Errc::internal, "not read yet");
  // A thread that left the machine's mounts must not run anything else afterwards.
  std::thread([&] { out = read_mounted(mounts, folder, paths); }).join();
  return out;
}

}  // namespace cloudless::runtime
