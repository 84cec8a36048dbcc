// Counts and times the calls of each gRPC method.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include <grpcpp/support/status.h>

#include "telemetry/metrics.hpp"

namespace cloudless::gateway {

enum class Method : std::uint8_t {
  create_workload,
  update_workload,
  delete_workload,
  scale_workload,
  get_workload,
  list_workloads,
  watch_workloads,
  get_node,
  list_nodes,
  update_node,
  cordon_node,
  uncordon_node,
  list_events,
  stream_logs,
  exec_command,
  list_usage,
  put_secret,
  delete_secret,
  list_secrets,
  exec,
  port_forward,
  copy,
  get_rollout,
  list_rollouts,
  watch_rollout,
  pause_rollout,
  resume_rollout,
  promote_rollout,
  abort_rollout,
  undo_rollout,
  restart_rollout,
  list_versions,
  drain_node,
  follow_endpoints,
  explain_placement,
  schedule,
  get_fragments,
  plan,
  rebalance,
};
inline constexpr std::size_t kMethods = 39;
/// "CreateWorkload".
const char* to_string(Method method);

class MethodMetrics {
 public:
  explicit MethodMetrics(prometheus::Registry& registry);
  void observe(Method method, grpc::StatusCode code, std::chrono::steady_clock::time_point began);

 private:
  static constexpr std::size_t kCodes = 17;
  struct PerMethod {
    std::array<prometheus::Counter*, kCodes> calls{};
    prometheus::Histogram* seconds = nullptr;
  };
  std::array<PerMethod, kMethods> methods_;
};

}  // namespace cloudless::gateway
