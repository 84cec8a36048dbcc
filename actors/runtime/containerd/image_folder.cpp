#include "actors/runtime/containerd/image_folder.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace cloudless::runtime {
namespace {

constexpr int kMostLoopTries = 50;  // others take loop devices at the same time

/// Runs a program without a shell, its output thrown away; its exit code, or -1 with errno.
int run_quietly(std::vector<std::string> words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (const int fd : {0, 1, 2}) posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  errno = error;
  if (error != 0) return -1;
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

Result<Nothing> make_image(const std::string& path, std::int64_t bytes) {
  // Under another name until it is whole: after a crash it is made anew.
  const auto draft = path + ".new";
  ::unlink(draft.c_str());
  const OpenFile file(::open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.open() || ::ftruncate(file.get(), bytes) != 0) return folder_error("cannot make", draft);
  const int code = run_quietly({"mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^resize_inode", "-E",
                                "lazy_itable_init=1,root_owner=0:0", draft});
  if (code < 0)
    return folder_error("volume_limits: image needs mkfs.ext4 (Debian: e2fsprogs) to make", draft,
                        Errc::failed_precondition);
  if (code != 0) {
    ::unlink(draft.c_str());
    return fail(Errc::failed_precondition, "mkfs.ext4 cannot make a file system of " + std::to_string(bytes) +
                                               " bytes in " + draft + ": too small, or the disk is full");
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return folder_error("cannot make", path);
  return Nothing{};
}

/// The device goes by itself with the last mount of it, and with the descriptor until there is one.
Result<OpenFile> attach_loop(const std::string& image, std::string& device) {
  const OpenFile backing(::open(image.c_str(), O_RDWR | O_CLOEXEC));
  if (!backing.open()) return folder_error("cannot open", image);
  const OpenFile control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.open())
    return folder_error("volume_limits: image needs loop devices:", "/dev/loop-control",
                        Errc::failed_precondition);
  for (int tries = 0; tries < kMostLoopTries; ++tries) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return folder_error("no loop device for", image);
    device = "/dev/loop" + std::to_string(number);
    OpenFile loop(::open(device.c_str(), O_RDWR | O_CLOEXEC));
    if (!loop.open()) return folder_error("cannot open", device);
    struct loop_config config {};
    config.fd = static_cast<std::uint32_t>(backing.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), image.c_str(), LO_NAME_SIZE - 1);
    if (::ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) return loop;
    if (errno != EBUSY) return folder_error("cannot attach a loop device to", image);
  }
  return fail(Errc::unavailable, "no loop device is free for " + image);
}

}  // namespace

std::string image_of(const std::string& folder) {
  return folder + ".img";
}

Result<Nothing> mount_image(const std::string& folder, std::int64_t bytes, unsigned mode) {
  if (is_mount_point(folder)) return Nothing{};
  const auto image = image_of(folder);
  if (::access(image.c_str(), F_OK) != 0)
    if (auto made = make_image(image, bytes); !made) return made;
  std::string device;
  const auto loop = attach_loop(image, device);
  if (!loop) return fail(loop.error());
  if (::mount(device.c_str(), folder.c_str(), "ext4", MS_NOSUID | MS_NODEV, "noinit_itable") != 0)
    return folder_error("cannot mount " + image + " on", folder);
  ::mount(nullptr, folder.c_str(), nullptr, MS_PRIVATE, nullptr);
  // mkfs makes it: as long as it is there, nobody has used the file system yet.
  const auto untouched = folder + "/lost+found";
  if (::access(untouched.c_str(), F_OK) != 0) return Nothing{};
  if (::chmod(folder.c_str(), mode) != 0) return folder_error("cannot set the mode of", folder);
  ::rmdir(untouched.c_str());
  return Nothing{};
}

}  // namespace cloudless::runtime
