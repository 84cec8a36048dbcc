// Folders on disk that cannot grow beyond a size: by the file system's project quotas where it has them, or
// as a file system of their own in an image file. A folder that cannot be limited is refused with the reason;
// a limit is never ignored. Blocking; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "actors/runtime/containerd/folder_tree.hpp"
#include "actors/runtime/containerd/node_policy.hpp"

namespace cloudless::runtime {

/// Makes `folder` (mode `mode`) hold at most `bytes`; one that is limited already, also by an earlier
/// process, stays as it is. FAILED_PRECONDITION if this machine has not the means, with how to mend it.
Result<Nothing> make_limited_folder(const std::string& folder, std::int64_t bytes, unsigned mode,
                                    DiskLimitMeans means);

/// Takes away everything at `folder`: mounts, content, image, quota. Succeeds if there is nothing.
Result<Nothing> remove_limited_folder(const std::string& folder);

}  // namespace cloudless::runtime
