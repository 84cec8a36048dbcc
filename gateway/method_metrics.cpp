#include "gateway/method_metrics.hpp"

namespace cloudless::gateway {
namespace {

constexpr const char* kCodeNames[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

}  // namespace

const char* to_string(Method method) {
  switch (method) {
    case Method::create_workload:
      return "CreateWorkload";
    case Method::update_workload:
      return "UpdateWorkload";
    case Method::delete_workload:
      return "DeleteWorkload";
    case Method::scale_workload:
      return "ScaleWorkload";
    case Method::get_workload:
      return "GetWorkload";
    case Method::list_workloads:
      return "ListWorkloads";
    case Method::watch_workloads:
      return "WatchWorkloads";
    case Method::get_node:
      return "GetNode";
    case Method::list_nodes:
      return "ListNodes";
    case Method::update_node:
      return "UpdateNode";
    case Method::cordon_node:
      return "CordonNode";
    case Method::uncordon_node:
      return "UncordonNode";
    case Method::list_events:
      return "ListEvents";
    case Method::stream_logs:
      return "StreamLogs";
    case Method::exec_command:
      return "ExecCommand";
    case Method::list_usage:
      return "ListUsage";
    case Method::put_secret:
      return "PutSecret";
    case Method::delete_secret:
      return "DeleteSecret";
    case Method::list_secrets:
      return "ListSecrets";
    case Method::exec:
      return "Exec";
    case Method::port_forward:
      return "PortForward";
    case Method::copy:
      return "Copy";
    case Method::get_rollout:
      return "GetRollout";
    case Method::list_rollouts:
      return "ListRollouts";
    case Method::watch_rollout:
      return "WatchRollout";
    case Method::pause_rollout:
      return "PauseRollout";
    case Method::resume_rollout:
      return "ResumeRollout";
    case Method::promote_rollout:
      return "PromoteRollout";
    case Method::abort_rollout:
      return "AbortRollout";
    case Method::undo_rollout:
      return "UndoRollout";
    case Method::restart_rollout:
      return "RestartRollout";
    case Method::list_versions:
      return "ListVersions";
    case Method::drain_node:
      return "DrainNode";
    case Method::follow_endpoints:
      return "FollowEndpoints";
    case Method::explain_placement:
      return "ExplainPlacement";
    case Method::schedule:
      return "Schedule";
    case Method::get_fragments:
      return "GetFragments";
    case Method::plan:
      return "Plan";
    case Method::rebalance:
      return "Rebalance";
  }
  return "Unknown";
}

MethodMetrics::MethodMetrics(prometheus::Registry& registry) {
  auto& calls = prometheus::BuildCounter()
                    .Name("cloudless_api_calls_total")
                    .Help("Calls of the API that ended, by method and gRPC code.")
                    .Register(registry);
  auto& seconds = prometheus::BuildHistogram()
                      .Name("cloudless_api_call_seconds")
                      .Help("How long calls of the API took, by method; streams until they ended.")
                      .Register(registry);
  for (std::size_t m = 0; m < kMethods; ++m) {
    const std::string name = to_string(static_cast<Method>(m));
    for (std::size_t code = 0; code < kCodes; ++code)
      methods_[m].calls[code] = &calls.Add({{"method", name}, {"code", kCodeNames[code]}});
    methods_[m].seconds = &seconds.Add({{"method", name}}, telemetry::latency_buckets());
  }
}

void MethodMetrics::observe(Method method, grpc::StatusCode code,
                            std::chrono::steady_clock::time_point began) {
  auto& m = methods_[static_cast<std::size_t>(method)];
  const auto index = static_cast<std::size_t>(code);
  m.calls[index < kCodes ? index : 2]->Increment();
  m.seconds->Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}

}  // namespace cloudless::gateway
