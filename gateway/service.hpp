// The public API over gRPC's callback interface. Reads are answered in the callback from the mirror; writes
// go through a gateway actor to their owner and are answered once the mirror shows them (ARCHITECTURE.md,
// rule 5). Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/workload_state/rollout_status.hpp"
#include "cloudless/api/coordinator_service.grpc.pb.h"
#include "gateway/call.hpp"
#include "gateway/method_metrics.hpp"
#include "gateway/mirror.hpp"
#include "gateway/planner.hpp"
#include "messages/domain/time.hpp"
#include "messages/node_link.hpp"

namespace cloudless::gateway {

/// What a gateway stands on. The references outlive it.
struct Parts {
  caf::actor_system& system;
  std::shared_ptr<Mirror> mirror;
  std::shared_ptr<const OwnersInUse> owners;
  const Clock& clock;
  MethodMetrics& metrics;
  /// What the owner writes into what workloads leave out of their scoring: dry runs do the same.
  Scoring usual_scoring{};
};

class Service final : public api::CoordinatorService::CallbackService {
 public:
  using Context = grpc::CallbackServerContext;

  explicit Service(Parts parts);
  ~Service() override;

  // reads.cpp
  grpc::ServerUnaryReactor* GetWorkload(Context*, const api::GetWorkloadRequest*, api::Workload*) override;
  grpc::ServerUnaryReactor* ListWorkloads(Context*, const api::ListWorkloadsRequest*,
                                          api::ListWorkloadsReply*) override;
  grpc::ServerUnaryReactor* GetNode(Context*, const api::GetNodeRequest*, api::Node*) override;
  grpc::ServerUnaryReactor* ListNodes(Context*, const api::ListNodesRequest*, api::ListNodesReply*) override;
  grpc::ServerUnaryReactor* ListEvents(Context*, const api::ListEventsRequest*,
                                       api::ListEventsReply*) override;

  // writes.cpp
  grpc::ServerUnaryReactor* CreateWorkload(Context*, const api::CreateWorkloadRequest*,
                                           api::Workload*) override;
  grpc::ServerUnaryReactor* UpdateWorkload(Context*, const api::UpdateWorkloadRequest*,
                                           api::Workload*) override;
  grpc::ServerUnaryReactor* ScaleWorkload(Context*, const api::ScaleWorkloadRequest*,
                                          api::Workload*) override;
  grpc::ServerUnaryReactor* DeleteWorkload(Context*, const api::DeleteWorkloadRequest*,
                                           api::DeleteWorkloadReply*) override;
  grpc::ServerUnaryReactor* UpdateNode(Context*, const api::UpdateNodeRequest*, api::Node*) override;
  grpc::ServerUnaryReactor* CordonNode(Context*, const api::CordonNodeRequest*, api::Node*) override;
  grpc::ServerUnaryReactor* UncordonNode(Context*, const api::UncordonNodeRequest*, api::Node*) override;

  grpc::ServerUnaryReactor* DrainNode(Context*, const api::DrainNodeRequest*, api::Node*) override;

  // rollouts.cpp
  grpc::ServerUnaryReactor* GetRollout(Context*, const api::GetRolloutRequest*, api::Rollout*) override;
  grpc::ServerUnaryReactor* ListRollouts(Context*, const api::ListRolloutsRequest*,
                                         api::ListRolloutsReply*) override;
  grpc::ServerUnaryReactor* ListVersions(Context*, const api::ListVersionsRequest*,
                                         api::ListVersionsReply*) override;
  grpc::ServerUnaryReactor* PauseRollout(Context*, const api::PauseRolloutRequest*, api::Rollout*) override;
  grpc::ServerUnaryReactor* ResumeRollout(Context*, const api::ResumeRolloutRequest*, api::Rollout*) override;
  grpc::ServerUnaryReactor* PromoteRollout(Context*, const api::PromoteRolloutRequest*,
                                           api::Rollout*) override;
  grpc::ServerUnaryReactor* AbortRollout(Context*, const api::AbortRolloutRequest*, api::Rollout*) override;
  grpc::ServerUnaryReactor* UndoRollout(Context*, const api::UndoRolloutRequest*, api::Rollout*) override;
  grpc::ServerUnaryReactor* RestartRollout(Context*, const api::RestartRolloutRequest*,
                                           api::Rollout*) override;

  // placement.cpp
  grpc::ServerUnaryReactor* ExplainPlacement(Context*, const api::ExplainPlacementRequest*,
                                             api::PlacementExplanation*) override;
  grpc::ServerUnaryReactor* Schedule(Context*, const api::ScheduleRequest*, api::ScheduleReply*) override;
  grpc::ServerUnaryReactor* GetFragments(Context*, const api::GetFragmentsRequest*,
                                         api::GetFragmentsReply*) override;
  // plan.cpp
  grpc::ServerUnaryReactor* Plan(Context*, const api::PlanRequest*, api::PlanReply*) override;
  grpc::ServerUnaryReactor* Rebalance(Context*, const api::RebalanceRequest*, api::RebalanceReply*) override;

  // watch_rollout.cpp, follow_endpoints.cpp
  grpc::ServerWriteReactor<api::Rollout>* WatchRollout(Context*, const api::WatchRolloutRequest*) override;
  grpc::ServerBidiReactor<api::FollowEndpointsInput, api::FollowEndpointsOutput>* FollowEndpoints(
      Context*) override;

  // secrets.cpp
  grpc::ServerUnaryReactor* PutSecret(Context*, const api::PutSecretRequest*, api::Secret*) override;
  grpc::ServerUnaryReactor* DeleteSecret(Context*, const api::DeleteSecretRequest*,
                                         api::DeleteSecretReply*) override;
  grpc::ServerUnaryReactor* ListSecrets(Context*, const api::ListSecretsRequest*,
                                        api::ListSecretsReply*) override;

  // watch.cpp, logs.cpp, exec.cpp
  grpc::ServerWriteReactor<api::WatchWorkloadsReply>* WatchWorkloads(
      Context*, const api::WatchWorkloadsRequest*) override;
  grpc::ServerWriteReactor<api::StreamLogsReply>* StreamLogs(Context*,
                                                             const api::StreamLogsRequest*) override;
  grpc::ServerUnaryReactor* ExecCommand(Context*, const api::ExecCommandRequest*,
                                        api::ExecCommandReply*) override;

  // usage.cpp
  grpc::ServerUnaryReactor* ListUsage(Context*, const api::ListUsageRequest*, api::ListUsageReply*) override;
  // streams.cpp
  grpc::ServerBidiReactor<api::ExecInput, api::ExecOutput>* Exec(Context*) override;
  grpc::ServerBidiReactor<api::PortForwardInput, api::PortForwardOutput>* PortForward(Context*) override;
  grpc::ServerBidiReactor<api::CopyInput, api::CopyOutput>* Copy(Context*) override;

 private:
  /// A unary call from its callback to its one Finish, counted and timed.
  struct Ending {
    grpc::ServerUnaryReactor* reactor;
    MethodMetrics* metrics;
    Method method;
    std::chrono::steady_clock::time_point began;
    void operator()(const Result<void>& result) const;
  };
  Ending begin(Context* context, Method method);

  /// Calls then(SnapshotPtr) once the mirror has `min_revision` and what the request's metadata says; else
  /// ends the call.
  template <class Then>
  void when_seen(Context* context, const Ending& end, Revision min_revision, Then then);
  /// Answers from a snapshot of at least `min_revision` and the request's metadata; fill: Result<void>(const
  /// Snapshot&).
  template <class Fill>
  grpc::ServerUnaryReactor* read(Context* context, Method method, Revision min_revision, Fill fill);

  /// The same where the answer takes long: by the planner. RESOURCE_EXHAUSTED if too many wait for it.
  template <class Fill>
  grpc::ServerUnaryReactor* work_out(Context* context, Method method, Fill fill);
  /// The same; job(const Snapshot&) sees to it that the call ends.
  template <class Job>
  void work_out(Context* context, const Ending& end, Job job);
  /// Has the replicas of these moves moved.
  void move(Context* context, const Ending& end, api::RebalanceReply& reply);

  /// Sends to an owner. `then` is called exactly once, in any thread.
  void ask(Context* context, Ask ask, Call::Done then);
  /// Sends the request's command; once the mirror shows its commit, calls fill(const Reply&, const Snapshot&)
  /// and ends the call.
  template <class Reply, class Request, class Fill>
  grpc::ServerUnaryReactor* write(Context* context, Method method, const Request* request, Fill fill);
  /// Sends the request's command and answers with the rollout that it made or changed.
  template <class Request>
  grpc::ServerUnaryReactor* control(Context* context, Method method, const Request* request,
                                    api::Rollout* reply);
  template <class Reply, class Fill>
  void show(const Ending& end, Result<Answer> answer, Fill fill);

  template <class Fill>
  grpc::ServerUnaryReactor* write_secret(Context* context, Method method, Result<SecretCommand> command,
                                         Fill fill);

  struct Update;
  void attempt(const std::shared_ptr<Update>& update);
  /// Once the mirror has moved on; or ends the update with `why` when it was tried often enough.
  void again(const std::shared_ptr<Update>& update, const Snapshot& seen, const Error& why);

  Parts parts_;
  Planner planner_;
  /// Streams of FollowEndpoints that are open.
  std::shared_ptr<std::atomic<int>> followers_ = std::make_shared<std::atomic<int>>(0);
  std::vector<gateway_actor> pool_;
  std::atomic<std::size_t> next_{0};
};

/// Now, on the wall clock and in store time.
workload_state::StatusTime now_of(const Parts& parts);
/// How long a call may wait for others: until the client's deadline, 1 ms to 10 s.
Millis budget_of(const grpc::CallbackServerContext& context);
/// From metadata "cloudless-min-revision"; 0 without. INVALID_ARGUMENT if it is not a number.
Result<Revision> min_revision_of(const grpc::CallbackServerContext& context);
/// Who calls, for events and idempotency rows: of the client's certificate the first alternative name, else
/// the common name (gateway/principal.hpp); "anonymous" without a certificate.
std::string principal_of(const grpc::CallbackServerContext& context);

}  // namespace cloudless::gateway
