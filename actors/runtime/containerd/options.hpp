// Where containerd is and what belongs to this agent on the machine. Two agents of one machine differ in
// node, bridge, subnet, state_dir and log_dir.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/runtime/containerd/gpu_devices.hpp"
#include "actors/runtime/containerd/image_limits.hpp"
#include "actors/runtime/containerd/network_options.hpp"
#include "actors/runtime/containerd/node_policy.hpp"
#include "messages/domain/ids.hpp"
#include "messages/domain/resources.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

/// Of one container's log.
struct LogLimits {
  std::uint64_t most_bytes = 10 << 20;  ///< of a file, then the next one is begun
  std::uint32_t most_files = 5;         ///< that stay, at least 2
  std::uint64_t rate = 8 << 20;         ///< bytes a second, four seconds' worth at once; 0: any
  std::uint32_t attempts = 5;           ///< of one replica whose logs stay
};

struct ContainerdOptions {
  NodeId node;
  std::string socket = "/run/containerd/containerd.sock";
  std::string containerd_namespace;  ///< empty: "cloudless-<node>"
  std::string snapshotter = "overlayfs";
  std::string runtime = "io.containerd.runc.v2";
  std::string runtime_binary;  ///< runc or crun; empty: the shim's default
  /// Absolute paths. state_dir must survive the agent but not a reboot (below /run); also the root of runc's
  /// own state.
  std::string state_dir = "/run/cloudless";
  std::string log_dir = "/var/log/cloudless";
  std::string logger = "/usr/lib/cloudless/cloudless-logger";
  /// Volumes, files and limited writable layers of replicas; must survive the agent, may survive a reboot.
  std::string volume_dir = "/var/lib/cloudless/agent/volumes";
  DiskLimitMeans volume_limits = DiskLimitMeans::quota;
  std::string bridge = "cloudless0";
  std::string subnet = "10.87.0.0/16";
  /// Namespaces whose images are copied (by reference, without moving bytes) when the agent's own lacks them.
  /// Pulled images appear in k8s.io, those of `ctr images import` and `ctr images pull` in default.
  std::vector<std::string> image_namespaces = {"k8s.io", "default"};
  Millis pull_timeout = 600000;
  LogLimits logs;
  Millis pull_stall = 60000;  ///< a pull through which no byte comes for so long is given up
  ImageLimits images;
  NodePolicy policy;
  GpuDevices gpus;
  NetworkOptions network;
  /// Control group of all containers of this node. Agents of one machine may share it; then it is not
  /// limited.
  std::string cgroup_parent = "/cloudless";
  Resources bounds;  ///< what cgroup_parent is limited to; cpu and memory, 0: not limited
};

inline std::string namespace_of(const ContainerdOptions& options) {
  return options.containerd_namespace.empty() ? "cloudless-" + options.node.value
                                              : options.containerd_namespace;
}

}  // namespace cloudless::runtime
