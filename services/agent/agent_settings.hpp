// What an agent can be told: config/agent.yaml shows it with its defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/runtime/containerd/gpu_devices.hpp"
#include "actors/runtime/containerd/image_limits.hpp"
#include "actors/runtime/containerd/network_options.hpp"
#include "actors/runtime/containerd/node_policy.hpp"
#include "actors/runtime/session_limits.hpp"
#include "messages/domain/node.hpp"
#include "services/settings/settings.hpp"

namespace cloudless::agent {

/// Amounts of the machine; negative: what the machine has.
struct CapacitySettings {
  std::int64_t cpu_millicores = -1;
  std::int64_t memory_bytes = -1;
  std::int64_t storage_bytes = -1;
  std::int64_t bandwidth_bps = 0;
  /// What replicas may reserve, per cent of what is allocatable, 100-1000.
  std::uint32_t cpu_overcommit_percent = 100;
  std::uint32_t memory_overcommit_percent = 100;
};

/// Of each container's log.
struct ContainerLogSettings {
  std::int64_t max_size = 10 << 20;
  std::int64_t max_files = 5;
  std::int64_t rate = 8 << 20;
  std::int64_t attempts = 5;
};

struct AgentSettings {
  std::string node_name;  ///< empty: the machine's host name
  std::string region;
  std::string zone;
  Labels labels;
  std::vector<std::string> taints;  ///< "key=value:NO_SCHEDULE"
  std::int64_t cost_milli = 0;
  CapacitySettings capacity;
  std::vector<std::string> gpu_devices;  ///< of each GPU the paths of its device nodes, separated by spaces
  runtime::GpuDevices gpus;              ///< what gpu_devices say, and what all have in common
  /// Kept back for the machine itself: allocatable is capacity less this.
  std::int64_t reserved_cpu_millicores = 100;
  std::int64_t reserved_memory_bytes = 256 << 20;
  std::int64_t reserved_storage_bytes = 1 << 30;

  settings::Address coordinator{"127.0.0.1", 9093};
  std::string secret_file = "/etc/cloudless/secret";
  bool accept_cluster = false;
  std::string state_dir = "/var/lib/cloudless/agent";
  std::string runtime_dir;  ///< empty: /run/cloudless/<containerd namespace>
  std::string log_dir = "/var/log/cloudless";
  ContainerLogSettings container_logs;
  std::string logger = "/usr/lib/cloudless/cloudless-logger";

  std::string containerd_socket = "/run/containerd/containerd.sock";
  std::string containerd_namespace;  ///< empty: "cloudless-<node name>"
  std::string runtime_binary;
  std::string volume_dir;  ///< empty: "<state_dir>/volumes"
  std::string volume_limits = "quota";
  std::string cgroup_parent = "/cloudless";
  runtime::ImageLimits images;

  std::string bridge = "cloudless0";
  std::string subnet = "10.87.0.0/16";
  std::string network_mode = "bridge";  ///< or "cni"
  runtime::NetworkOptions network;      ///< its mode follows network_mode

  /// What workloads may do on this node beyond their own containers.
  runtime::NodePolicy policy;

  runtime::SessionLimits sessions;

  settings::Address grpc{"127.0.0.1", 9092};
  std::optional<settings::Address> http = settings::Address{"127.0.0.1", 9091};
  std::string log_level = "info";
};

/// Registers every field with its help and range.
void register_fields(settings::Settings& form, AgentSettings& values);

/// Fills in what depends on the machine and on other settings (node name, namespace, folders made absolute).
/// INVALID_ARGUMENT names everything that is wrong.
Result<void> complete(AgentSettings& values);

/// "key=value:EFFECT" or "key:EFFECT", EFFECT one of NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE. Absent:
/// something else.
std::optional<Taint> parse_taint(const std::string& text);

}  // namespace cloudless::agent
