// Reads small files out of an image's layers, which are not to be trusted: mounted read-only in a mount
// namespace of a thread of its own that ends with the call, so that nothing stays mounted whatever happens;
// names are resolved inside the image's root, links too, and only regular files are opened. Blocking.
#pragma once

#include <string>
#include <vector>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// One mount as containerd's snapshotters describe it.
struct LayerMount {
  std::string type;  ///< "overlay" or "bind"
  std::string source;
  std::vector<std::string> options;
};

/// The content of each of `paths` ("/etc/passwd"), empty for one that is not there. `folder` must exist; it
/// is covered for this thread alone. FAILED_PRECONDITION when one is not a regular file, larger than 256 KiB,
/// or its name leads nowhere.
Result<std::vector<std::string>> read_image_files(const std::vector<LayerMount>& mounts,
                                                  const std::string& folder,
                                                  const std::vector<std::string>& paths);

}  // namespace cloudless::runtime
