// The device nodes behind a node's GPUs, as its agent's settings name them. The scheduler hands out GPUs by
// index; here an index becomes what a container gets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/runtime/containerd/kernel_facts.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

struct GpuDevices {
  std::vector<std::vector<std::string>> each;  ///< paths of each GPU's device nodes, by its index
  std::vector<std::string> common;             ///< what every container with a GPU gets too
};

/// The most GPUs of a node: their indices are 0-63.
inline constexpr std::size_t kMostGpus = 64;

/// The device nodes for a container that has these GPUs, or a share of one; each once. Numbers, mode and
/// owner are as they are now: a driver that was loaded again may have changed them. FAILED_PRECONDITION if
/// the node has no such GPU or one of its device nodes is not there.
Result<std::vector<HostDevice>> devices_of(const GpuDevices& all, const std::vector<std::uint8_t>& gpus);

/// FAILED_PRECONDITION with the path if it is not a character device; links are followed.
Result<HostDevice> find_device(const std::string& path);

}  // namespace cloudless::runtime
