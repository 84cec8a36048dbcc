// What this machine's kernel and containerd can do, read from /proc and /sys when a container is about to
// start: what cannot be done is refused then, with the reason, and never half-applied. The judge is
// confinement.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/runtime/containerd/node_policy.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::runtime {

/// A device node of the machine.
struct HostDevice {
  std::string path;
  char type = 'c';  ///< 'b': block, 'c': character
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t mode = 0;  ///< permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool operator==(const HostDevice&) const = default;
};

struct KernelFacts {
  /// Capabilities that containerd has, and so can give: bits as in CapBnd of /proc/<pid>/status.
  std::uint64_t bounding = 0;
  bool seccomp = false;
  bool apparmor = false;
  std::vector<std::string> apparmor_profiles;  ///< loaded
  bool selinux = false;
  bool selinux_label_known = false;          ///< the loaded policy takes the label that the workload names
  bool hybrid_cgroups = false;               ///< version 1 with version 2 beside it
  std::vector<std::string> missing_sysctls;  ///< of those the workload names
  bool runtime_found = true;                 ///< the program of the workload's runtime class
  /// The file of seccomp LOCALHOST/<file>, or why it cannot be read; absent: none is named.
  std::optional<Result<std::string>> seccomp_profile;
  std::vector<HostDevice> devices;  ///< only for privileged workloads
};

/// Some 0.1 ms. `containerd_socket` tells which process is containerd.
KernelFacts read_kernel_facts(const Template& pod, const NodePolicy& policy,
                              const std::string& containerd_socket);

/// The names of the policy's runtime classes whose program is on this machine and runs here, in order.
std::vector<std::string> usable_runtimes(const NodePolicy& policy, const std::string& containerd_socket);

/// crun does not run where control groups of version 1 have version 2 beside them.
bool runs_with(const std::string& program, bool hybrid_cgroups);

/// The text of `file` below `folder`, which no ".." and no link leaves; at most 1 MiB. FAILED_PRECONDITION
/// with the name and the reason.
Result<std::string> read_profile(const std::string& folder, const std::string& file);

}  // namespace cloudless::runtime
