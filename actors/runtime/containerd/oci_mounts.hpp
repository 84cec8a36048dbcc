// What a container sees beside its image: the kernel's file systems that every container has, and which parts
// of them are hidden or cannot be written. Pure; used by oci_spec.cpp. Volumes and files of the workload come
// after these, as SpecInput::mounts.
#pragma once

#include <string>
#include <vector>

namespace cloudless::runtime {

/// One line of the spec's "mounts".
struct SpecMount {
  std::string destination;  ///< absolute, inside the container
  std::string type;         ///< "bind", "tmpfs", ...
  std::string source;
  std::vector<std::string> options;
  bool operator==(const SpecMount&) const = default;
};

/// /proc, /dev, /sys and what belongs to them, in the order in which they are mounted. Privileged: /sys can
/// be written. `host_ipc`: shared memory is the machine's.
std::vector<SpecMount> kernel_mounts(bool privileged, bool host_ipc);

/// Kernel files that tell about the machine: hidden.
const std::vector<std::string>& masked_paths();
/// Kernel files that change the machine for everyone: read-only.
const std::vector<std::string>& readonly_paths();

}  // namespace cloudless::runtime
