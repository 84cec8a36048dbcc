#include "actors/runtime/containerd/oci_mounts.hpp"

namespace cloudless::runtime {

std::vector<SpecMount> kernel_mounts(bool privileged, bool host_ipc) {
  const char* const sys = privileged ? "rw" : "ro";
  const SpecMount own_memory{
      "/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}};
  const SpecMount shared_memory{"/dev/shm", "bind", "/dev/shm", {"rbind", "nosuid", "noexec", "nodev"}};
  return {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      host_ipc ? shared_memory : own_memory,
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", sys}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", sys}},
      {"/run", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
  };
}

const std::vector<std::string>& masked_paths() {
  static const std::vector<std::string> paths = {
      "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys", "/proc/latency_stats",
      "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"};
  return paths;
}

const std::vector<std::string>& readonly_paths() {
  // /sys/fs/cgroup: with control groups of version 1 it is a file system of its own that runc leaves
  // writable.
  static const std::vector<std::string> paths = {
      "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/sys/fs/cgroup"};
  return paths;
}

}  // namespace cloudless::runtime
