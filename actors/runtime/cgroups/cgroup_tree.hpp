// What the kernel's control groups know about a container, read from their files: in v1 one hierarchy per
// controller, in v2 one for all; a hybrid machine counts as v1, as its v2 hierarchy has no controllers. Used
// by the containerd runtime. Reads only; a group that is gone, and a file that this kernel lacks, read as
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "messages/domain/resources.hpp"

namespace cloudless::runtime {

enum class CgroupLayout : std::uint8_t { v1, v2 };

/// Totals of one group since it was made, and what it holds now.
struct GroupUsage {
  std::uint64_t cpu_nanos = 0;
  /// What could not be taken back: without pages of files that nobody used lately.
  std::uint64_t memory_bytes = 0;
  std::uint64_t processes = 0;
  /// v1: of the processes that are there and of those that they have waited for, because its own counters
  /// know neither writes through the kernel's cache nor, on newer kernels, anything. So they can also fall.
  std::uint64_t disk_read_bytes = 0;
  std::uint64_t disk_written_bytes = 0;
  bool operator==(const GroupUsage&) const = default;
};

class CgroupTree {
 public:
  /// `root` is where the hierarchies are mounted, `proc` what the kernel says of processes; a test gives
  /// folders of its own.
  explicit CgroupTree(std::string root = "/sys/fs/cgroup", std::string proc = "/proc");

  CgroupLayout layout() const { return layout_; }
  /// A group's folder in the hierarchy of a controller ("cpu", "memory", "pids"). `group` begins with '/'.
  std::string folder(const std::string& controller, const std::string& group) const;

  /// Processes are in it.
  bool in_use(const std::string& group) const;
  /// Absent: there is no such group.
  std::optional<GroupUsage> usage(const std::string& group) const;
  /// The limits in force, as the kernel says them; memory in whole pages.
  ResourceLimits limits(const std::string& group) const;
  /// Memory that stays in use however little is allowed: all but what is read again from files. Bytes.
  std::uint64_t memory_in_use(const std::string& group) const;
  /// "out of memory, limit 64 MiB" when the kernel killed a process of this group for memory. When the
  /// group's own limit was not reached, the limit above it that was: "out of memory, limit 2 GiB of all
  /// containers of this node". To be asked before the group goes, that is before the task is deleted.
  std::optional<std::string> out_of_memory(const std::string& group) const;

  /// Groups two levels below this one, in any hierarchy.
  std::set<std::string> groups_below(const std::string& parent) const;
  /// Removes an empty group in every hierarchy. Groups in use, and groups with others below them, stay.
  void remove(const std::string& group) const;

 private:
  std::optional<std::int64_t> memory_limit(const std::string& group) const;
  bool memory_limit_was_reached(const std::string& group) const;
  std::vector<std::string> hierarchies() const;
  void add_disk_of_processes(const std::string& group, GroupUsage& usage) const;

  std::string root_, proc_;
  CgroupLayout layout_;
};

inline constexpr std::int64_t kPageBytes = 4096;

/// "64 MiB", "1536 MiB", "2 GiB", or bytes when it is no whole number of MiB.
std::string memory_text(std::int64_t bytes);

/// "/<parent>/<namespace>/<replica>". A namespace that has the name of one of the kernel's own files gets a
/// "_".
std::string container_group(const std::string& parent, const std::string& ns, const std::string& replica);
std::string namespace_group(const std::string& parent, const std::string& ns);

}  // namespace cloudless::runtime
