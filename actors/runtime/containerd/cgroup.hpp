// Reads what the kernel's control groups know about a container, in the old hierarchy (v1) and the unified
// one (v2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cloudless::runtime {

/// "out of memory, limit 64 MiB" when the kernel killed a process of this group for memory; must be asked
/// before the group goes, that is before the task is deleted. `path` as cgroup_path makes it.
std::optional<std::string> out_of_memory(const std::string& path);

/// Removes an empty group in every hierarchy. Groups in use are left alone.
void remove_cgroup(const std::string& path);

}  // namespace cloudless::runtime
