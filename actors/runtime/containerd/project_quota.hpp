// Project quotas of ext4 and xfs: a number on a directory that everything made in it inherits, and a limit
// for what carries the number. Blocking; thread-safe within a process.
#pragma once

#include <cstdint>
#include <string>

#include "actors/runtime/containerd/folder_tree.hpp"

namespace cloudless::runtime {

/// Gives the empty directory a number of its own and the number a limit, in this order: limit, then number.
/// FAILED_PRECONDITION if the file system has no project quotas in force, with how to mend it.
Result<Nothing> set_project_quota(const std::string& folder, std::int64_t bytes);

/// The number of a directory; 0: none.
std::uint32_t project_of(const std::string& folder);

/// Takes the limit off a number that nothing carries any more. `folder` is any directory of the file system.
void forget_project(const std::string& folder, std::uint32_t project);

}  // namespace cloudless::runtime
