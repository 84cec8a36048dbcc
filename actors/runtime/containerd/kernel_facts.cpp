#include "actors/runtime/containerd/kernel_facts.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "messages/domain/sysctl.hpp"

namespace cloudless::runtime {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMostProfile = 1 << 20;

/// The process that listens on containerd's socket; our own if that cannot be told.
std::string containerd_process(const std::string& socket_path) {
  std::string out = "self";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return out;
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return out;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0)
    out = std::to_string(peer.pid);
  close(fd);
  return out;
}

/// CapBnd, and whether there is a line about seccomp.
void read_status(const std::string& process, KernelFacts& facts) {
  std::ifstream in("/proc/" + process + "/status");
  for (std::string key, rest; in >> key && std::getline(in, rest);) {
    if (key == "CapBnd:") facts.bounding = std::strtoull(rest.c_str(), nullptr, 16);
    if (key == "Seccomp_filters:" || key == "Seccomp:") facts.seccomp = true;
  }
}

bool has_hybrid_cgroups(const std::string& process) {
  std::ifstream in("/proc/" + process + "/mounts");
  bool first = false, second = false;
  for (std::string device, target, type, rest; in >> device >> target >> type && std::getline(in, rest);) {
    first = first || type == "cgroup";
    second = second || type == "cgroup2";
  }
  return first && second;
}

std::vector<std::string> loaded_apparmor_profiles() {
  std::ifstream in("/sys/kernel/security/apparmor/profiles");
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line.substr(0, line.rfind(" (")));
  return out;
}

bool apparmor_enabled() {
  std::string yes;
  std::ifstream("/sys/module/apparmor/parameters/enabled") >> yes;
  return yes == "Y";
}

/// The kernel answers a label that the loaded policy does not know with an error.
bool is_selinux_label(const std::string& label) {
  const int fd = open("/sys/fs/selinux/context", O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool known = write(fd, label.c_str(), label.size() + 1) >= 0;
  close(fd);
  return known;
}

bool is_missing(const std::string& sysctl) {
  // Devices of a container's own network are not on the machine: the runtime will say.
  if (sysctl.starts_with("net.ipv4.conf.") || sysctl.starts_with("net.ipv6.conf.") ||
      sysctl.starts_with("net.ipv4.neigh.") || sysctl.starts_with("net.ipv6.neigh."))
    return false;
  std::string path = "/proc/sys/" + sysctl;
  std::replace(path.begin(), path.end(), '.', '/');
  return access(path.c_str(), F_OK) != 0;
}

bool is_program(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

/// As the shim finds it: in the PATH of containerd.
bool found_in_path(const std::string& program, const std::string& process) {
  if (program.find('/') != std::string::npos) return is_program(program);
  std::ifstream in("/proc/" + process + "/environ", std::ios::binary);
  std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (std::string variable; std::getline(in, variable, '\0');)
    if (variable.starts_with("PATH=")) path = variable.substr(5);
  std::istringstream folders(path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (is_program(folder + "/" + program)) return true;
  return false;
}

/// Of /dev, but for what every container has of its own.
std::vector<HostDevice> host_devices() {
  std::vector<HostDevice> out;
  std::error_code error;
  fs::recursive_directory_iterator at("/dev", fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const auto name = at->path().filename();
    struct stat status {};
    if (lstat(at->path().c_str(), &status) != 0) continue;
    if (S_ISDIR(status.st_mode) &&
        (name == "pts" || name == "shm" || name == "mqueue" || name == "hugepages"))
      at.disable_recursion_pending();
    const bool block = S_ISBLK(status.st_mode);
    if ((!block && !S_ISCHR(status.st_mode)) || name == "console" || name == "ptmx") continue;
    out.push_back({at->path().string(), block ? 'b' : 'c', major(status.st_rdev), minor(status.st_rdev),
                   status.st_mode & 07777, status.st_uid, status.st_gid});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return out;
}

}  // namespace

Result<std::string> read_profile(const std::string& folder, const std::string& file) {
  const auto refused = [&](const std::string& why) {
    return fail(Errc::failed_precondition, "seccomp profile " + file + ": " + why + " (profiles are in " +
                                               folder + ", the agent's policy.seccomp_dir)");
  };
  const int root = open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return refused("there is no folder of profiles");
  struct open_how how {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const int fd = static_cast<int>(syscall(SYS_openat2, root, file.c_str(), &how, sizeof how));
  const int error = errno;
  close(root);
  if (fd < 0) return refused(error == ENOENT ? "it is not on this node" : std::strerror(error));
  struct stat status {};
  std::string text;
  const bool plain = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                     static_cast<std::size_t>(status.st_size) <= kMostProfile;
  if (plain) {
    text.resize(static_cast<std::size_t>(status.st_size));
    const auto got = read(fd, text.data(), text.size());
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  }
  close(fd);
  if (!plain) return refused("it is not a file of at most 1 MiB");
  return text;
}

bool runs_with(const std::string& program, bool hybrid_cgroups) {
  return !hybrid_cgroups || program.substr(program.rfind('/') + 1) != "crun";
}

std::vector<std::string> usable_runtimes(const NodePolicy& policy, const std::string& containerd_socket) {
  const auto process = containerd_process(containerd_socket);
  const bool hybrid = has_hybrid_cgroups(process);
  std::vector<std::string> out;
  for (const auto& [name, program] : policy.runtimes)
    if (found_in_path(program, process) && runs_with(program, hybrid)) out.push_back(name);
  return out;
}

KernelFacts read_kernel_facts(const Template& pod, const NodePolicy& policy,
                              const std::string& containerd_socket) {
  const auto& security = pod.security;
  KernelFacts facts;
  const auto process = containerd_process(containerd_socket);
  read_status(process, facts);
  facts.apparmor = apparmor_enabled();
  if (facts.apparmor) facts.apparmor_profiles = loaded_apparmor_profiles();
  facts.selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
  facts.selinux_label_known =
      facts.selinux && !security.selinux.empty() && is_selinux_label(security.selinux);
  for (const auto& [name, value] : security.sysctls)
    if (is_sysctl_name(name) && is_missing(name)) facts.missing_sysctls.push_back(name);
  if (const auto named = policy.runtimes.find(pod.runtime_class); named != policy.runtimes.end()) {
    facts.runtime_found = found_in_path(named->second, process);
    facts.hybrid_cgroups = has_hybrid_cgroups(process);
  }
  if (security.seccomp.kind == ProfileKind::localhost)
    facts.seccomp_profile = read_profile(policy.seccomp_dir, security.seccomp.name);
  if (security.privileged) facts.devices = host_devices();
  return facts;
}

}  // namespace cloudless::runtime
