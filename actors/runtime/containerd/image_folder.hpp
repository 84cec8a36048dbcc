// A folder that is a file system of its own in a sparse file, for machines without quotas: "<folder>.img",
// ext4, mounted through a loop device that goes with its mount. Needs mkfs.ext4 (e2fsprogs). Blocking;
// thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "actors/runtime/containerd/folder_tree.hpp"

namespace cloudless::runtime {

/// Where the image of a folder is.
std::string image_of(const std::string& folder);

/// Mounts the folder's image, made first if it is not there or was not finished; what is mounted already
/// stays. The file system's own tables count towards the size. FAILED_PRECONDITION if this machine cannot.
Result<Nothing> mount_image(const std::string& folder, std::int64_t bytes, unsigned mode);

}  // namespace cloudless::runtime
