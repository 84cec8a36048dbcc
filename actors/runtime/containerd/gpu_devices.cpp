#include "actors/runtime/containerd/gpu_devices.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace cloudless::runtime {

Result<HostDevice> find_device(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return fail(Errc::failed_precondition, path + ": " + std::strerror(errno));
  if (!S_ISCHR(status.st_mode)) return fail(Errc::failed_precondition, path + " is not a character device");
  return HostDevice{
      path,          'c',          major(status.st_rdev), minor(status.st_rdev), status.st_mode & 07777,
      status.st_uid, status.st_gid};
}

Result<std::vector<HostDevice>> devices_of(const GpuDevices& all, const std::vector<std::uint8_t>& gpus) {
  std::vector<HostDevice> out;
  std::vector<std::string> paths;
  for (const auto gpu : gpus) {
    if (gpu >= all.each.size())
      return fail(Errc::failed_precondition, "this node has no GPU " + std::to_string(gpu) +
                                                 ": gpus.devices of its agent names " +
                                                 std::to_string(all.each.size()));
    paths.insert(paths.end(), all.each[gpu].begin(), all.each[gpu].end());
  }
  if (!gpus.empty()) paths.insert(paths.end(), all.common.begin(), all.common.end());
  for (const auto& path : paths) {
    const auto same = [&](const HostDevice& d) { return d.path == path; };
    if (std::any_of(out.begin(), out.end(), same)) continue;
    auto device = find_device(path);
    if (!device)
      return fail(Errc::failed_precondition, "a GPU's device node cannot be given: " +
                                                 device.error().message + " (gpus of the node's agent)");
    out.push_back(std::move(*device));
  }
  return out;
}

}  // namespace cloudless::runtime
