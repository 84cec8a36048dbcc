#include "actors/runtime/containerd/project_quota.hpp"

#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace cloudless::runtime {
namespace {

constexpr std::int64_t kQuotaBlock = 512;
// Ours begin here: other programs of a machine (container engines, operators) use small numbers.
constexpr std::uint32_t kFirstProject = 0x10000000;
constexpr std::uint32_t kProjects = 0x60000000;
constexpr int kMostTries = 1000;

constexpr char kMend[] =
    "; mount the file system of volume_dir with prjquota (ext4 needs its project feature: tune2fs -O "
    "project,quota -Q prjquota), or set volume_limits: image";

int quota_call(int fd, unsigned command, std::uint32_t id, void* data) {
  return static_cast<int>(::syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), id, data));
}

OpenFile open_plain(const std::string& folder) {
  return OpenFile(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

Result<Nothing> check_in_force(int fd, const std::string& folder) {
  struct fs_quota_stat state {};
  const auto refuse = [&](const std::string& why) {
    return fail(Errc::failed_precondition, "storage under " + folder + " cannot be limited: " + why + kMend);
  };
  if (quota_call(fd, Q_XGETQSTAT, 0, &state) != 0)
    return refuse(errno == ENOSYS || errno == ESRCH || errno == EINVAL
                      ? std::string("its file system has no project quotas")
                      : std::string("its project quotas cannot be read: ") + std::strerror(errno));
  if ((state.qs_flags & FS_QUOTA_PDQ_ENFD) == 0)
    return refuse("the project quotas of its file system are not enforced");
  return Nothing{};
}

bool set_limit(int fd, std::uint32_t project, std::int64_t bytes) {
  struct fs_disk_quota quota {};
  quota.d_version = FS_DQUOT_VERSION;
  quota.d_flags = FS_PROJ_QUOTA;
  quota.d_fieldmask = FS_DQ_BHARD | FS_DQ_BSOFT;
  quota.d_id = project;
  quota.d_blk_hardlimit = static_cast<std::uint64_t>((bytes + kQuotaBlock - 1) / kQuotaBlock);
  quota.d_blk_softlimit = quota.d_blk_hardlimit;
  return quota_call(fd, Q_XSETQLIM, project, &quota) == 0;
}

bool is_unused(int fd, std::uint32_t project) {
  struct fs_disk_quota quota {};
  if (quota_call(fd, Q_XGETQUOTA, project, &quota) != 0) return errno == ENOENT || errno == ESRCH;
  return quota.d_icount == 0 && quota.d_bcount == 0;
}

std::uint32_t first_guess(const std::string& folder) {
  std::uint64_t hash = 1469598103934665603ULL;  // FNV-1a
  for (const char c : folder) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return static_cast<std::uint32_t>(hash % kProjects);
}

std::uint32_t project_of_open(int fd) {
  struct fsxattr attributes {};
  return ::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) == 0 ? attributes.fsx_projid : 0;
}

/// Others were inherited from a directory of an operator's, whose limit is not ours to change.
bool is_ours(std::uint32_t project) {
  return project >= kFirstProject && project < kFirstProject + kProjects;
}

bool put_project(int fd, std::uint32_t project) {
  struct fsxattr attributes {};
  if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return false;
  attributes.fsx_projid = project;
  attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  return ::ioctl(fd, FS_IOC_FSSETXATTR, &attributes) == 0;
}

}  // namespace

Result<Nothing> set_project_quota(const std::string& folder, std::int64_t bytes) {
  const auto open = open_plain(folder);
  if (!open.open()) return folder_error("cannot open", folder);
  if (auto in_force = check_in_force(open.get(), folder); !in_force) return in_force;
  // A number is taken once the directory carries it, so two threads must not look at the same time.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  auto project = project_of_open(open.get());
  if (!is_ours(project)) project = 0;
  for (int tries = 0; project == 0 && tries < kMostTries; ++tries) {
    const auto guess = kFirstProject + (first_guess(folder) + static_cast<std::uint32_t>(tries)) % kProjects;
    if (is_unused(open.get(), guess)) project = guess;
  }
  if (project == 0) return fail(Errc::unavailable, "no project number is free for " + folder);
  if (!set_limit(open.get(), project, bytes) || !put_project(open.get(), project))
    return folder_error("cannot set a project quota on", folder, Errc::failed_precondition);
  return Nothing{};
}

std::uint32_t project_of(const std::string& folder) {
  const auto open = open_plain(folder);
  return open.open() ? project_of_open(open.get()) : 0;
}

void forget_project(const std::string& folder, std::uint32_t project) {
  if (!is_ours(project)) return;
  const auto open = open_plain(folder);
  // Not asked whether it is unused: xfs frees what was deleted later, and counts it until then.
  if (open.open()) set_limit(open.get(), project, 0);
}

}  // namespace cloudless::runtime
