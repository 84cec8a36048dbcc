// Folders that containers write into, handled without trusting what is in them: paths are resolved by the
// kernel below a given folder, nothing follows a symbolic link out of it, and nothing is ever deleted across
// a mount point. Talks to the kernel; no state.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

/// A file descriptor that is closed whatever happens.
class OpenFile {
 public:
  explicit OpenFile(int fd = -1) : fd_(fd) {}
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// "cannot make /x: No space left on device", from errno. `code` tells whose fault it is.
tl::unexpected<Error> folder_error(const std::string& what, const std::string& path,
                                   Errc code = Errc::unavailable);

/// The directory, file or socket at `path`, which is `root` or lies below it. Symbolic links are followed as
/// long as they stay below root. FAILED_PRECONDITION with the reason: missing, a device, leads out of root.
Result<OpenFile> open_beneath(const std::string& root, const std::string& path);

/// Makes a directory with exactly this mode, whatever the umask; one that exists keeps its own.
Result<Nothing> make_folder(const std::string& path, unsigned mode);

/// True if something is mounted on this very path.
bool is_mount_point(const std::string& path);

/// An empty directory or file, as `like` is one, that something can be mounted on; another kind that is there
/// is replaced.
Result<Nothing> make_place_like(const OpenFile& like, const std::string& path);

/// Shows an open directory or file at `target`, without what is mounted below it; no devices and no
/// set-user-id programs work through it.
Result<Nothing> show_at(const OpenFile& open, const std::string& target, bool read_only);

/// A file system in memory on `target`. `bytes` 0: the kernel's own limit, half of the memory.
Result<Nothing> mount_memory(const std::string& target, std::int64_t bytes, unsigned mode);

/// Mount points at `folder` and below it, deepest first.
std::vector<std::string> mounts_within(const std::string& folder);
/// Takes all of them away; what uses them keeps what it has. Fails if one stays.
Result<Nothing> unmount_within(const std::string& folder);

/// Removes a file or a directory with everything in it, however deep. Stops at mount points with an error.
/// Succeeds if there is nothing.
Result<Nothing> remove_tree(const std::string& path);

}  // namespace cloudless::runtime
