#include "actors/runtime/containerd/disk_limit.hpp"

#include <unistd.h>

#include <filesystem>

#include "actors/runtime/containerd/image_folder.hpp"
#include "actors/runtime/containerd/project_quota.hpp"

namespace cloudless::runtime {

Result<Nothing> make_limited_folder(const std::string& folder, std::int64_t bytes, unsigned mode,
                                    DiskLimitMeans means) {
  if (auto made = make_folder(folder, mode); !made) return made;
  return means == DiskLimitMeans::quota ? set_project_quota(folder, bytes) : mount_image(folder, bytes, mode);
}

Result<Nothing> remove_limited_folder(const std::string& folder) {
  if (auto unmounted = unmount_within(folder); !unmounted) return unmounted;
  const auto project = project_of(folder);
  if (auto removed = remove_tree(folder); !removed) return removed;
  if (project != 0) forget_project(std::filesystem::path(folder).parent_path(), project);
  for (const auto& image : {image_of(folder), image_of(folder) + ".new"})
    if (::unlink(image.c_str()) != 0 && errno != ENOENT) return folder_error("cannot remove", image);
  return Nothing{};
}

}  // namespace cloudless::runtime
