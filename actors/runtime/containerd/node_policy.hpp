// What the owner of a node lets workloads do on it beyond their own container: settings of the agent. What is
// not allowed is refused before the container starts, with the name of the setting.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cloudless::runtime {

/// How storage on disk is kept to a size.
enum class DiskLimitMeans : std::uint8_t {
  quota,  ///< project quotas of ext4 or xfs
  image,  ///< ext4 in a sparse file, mounted through a loop device
};

// What policy.host_paths says of a path.
inline constexpr char kReadWrite[] = "read_write";
inline constexpr char kReadOnly[] = "read_only";

struct NodePolicy {
  bool allow_privileged = false;    ///< privileged, and capabilities that act on the machine itself
  bool allow_host_pid = false;      ///< see and signal the machine's processes
  bool allow_host_ipc = false;      ///< share the machine's shared memory and message queues
  bool allow_host_network = false;  ///< use the machine's network as it is
  /// Names of kernel parameters beyond the safe list, "net.core.somaxconn", or "net.ipv4.conf.*" for all
  /// that begin so.
  std::vector<std::string> allowed_sysctls;
  /// Folder that seccomp "LOCALHOST/<file>" is below.
  std::string seccomp_dir = "/etc/cloudless/seccomp";
  /// AppArmor profile that "RUNTIME_DEFAULT" means; it must be loaded.
  std::string apparmor_profile = "cloudless-default";
  /// Runtime class to a program that is called as runc is: a path, or a name to be found in PATH.
  std::map<std::string, std::string> runtimes = {{"crun", "crun"}, {"runc", "runc"}};
  /// Directories of this node that workloads may mount, with all below them: absolute path to "read_only" or
  /// "read_write"; of several that cover a path the longest holds.
  std::map<std::string, std::string> host_paths;
};

}  // namespace cloudless::runtime
