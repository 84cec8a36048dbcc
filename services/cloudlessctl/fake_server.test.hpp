// A coordinator in this process, as far as a command line can tell: keeps workloads in a map, answers what
// the test put there, and remembers what it was asked.
#pragma once

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cloudless/api/coordinator_service.grpc.pb.h"

namespace cloudless::cli {

class FakeServer final : public api::CoordinatorService::Service {
 public:
  explicit FakeServer(
      std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials());
  ~FakeServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  /// "127.0.0.1:port", a port that was free.
  const std::string& address() const { return address_; }

  /// How a workload looks when it is read, from what was written; by default every wanted replica is ready at
  /// once.
  std::function<void(api::Workload&)> settle = [](api::Workload& workload) { make_ready(workload); };
  /// Answers instead of carrying out a write, if it is not OK.
  grpc::Status refusal = grpc::Status::OK;
  std::vector<api::Node> nodes;
  std::vector<api::Event> events;
  std::vector<api::LogLine> lines;
  api::ListUsageReply usage;
  api::ListUsageRequest last_usage;
  std::vector<api::ExecOutput> exec_outputs;  ///< said when the input is at its end
  std::size_t page_size = 2;
  /// GetRollout, each in turn, the last one again and again; WatchRollout says all of them, one stream's
  /// worth per inner list.
  std::vector<api::Rollout> rollouts;
  std::vector<std::vector<api::Rollout>> watched;
  std::vector<api::WorkloadVersion> versions;
  std::vector<std::string> controls;   ///< "Pause default/web", "Undo default/web 3"
  std::vector<api::Node> drain_steps;  ///< what GetNode says of a node that is drained, in turn

  std::map<std::string, api::Workload> workloads;  ///< by "namespace/name"
  api::StreamLogsRequest last_logs;
  api::ExecInput::Open last_exec;
  std::string exec_input;
  api::ListEventsRequest last_events;
  api::ListWorkloadsRequest last_list;
  int reads = 0;

  static void make_ready(api::Workload& workload);

  grpc::Status CreateWorkload(grpc::ServerContext*, const api::CreateWorkloadRequest* request,
                              api::Workload* reply) override;
  grpc::Status UpdateWorkload(grpc::ServerContext*, const api::UpdateWorkloadRequest* request,
                              api::Workload* reply) override;
  grpc::Status ScaleWorkload(grpc::ServerContext*, const api::ScaleWorkloadRequest* request,
                             api::Workload* reply) override;
  grpc::Status DeleteWorkload(grpc::ServerContext*, const api::DeleteWorkloadRequest* request,
                              api::DeleteWorkloadReply* reply) override;
  grpc::Status GetWorkload(grpc::ServerContext*, const api::GetWorkloadRequest* request,
                           api::Workload* reply) override;
  grpc::Status ListWorkloads(grpc::ServerContext*, const api::ListWorkloadsRequest* request,
                             api::ListWorkloadsReply* reply) override;
  grpc::Status GetNode(grpc::ServerContext*, const api::GetNodeRequest* request, api::Node* reply) override;
  grpc::Status ListNodes(grpc::ServerContext*, const api::ListNodesRequest* request,
                         api::ListNodesReply* reply) override;
  grpc::Status UpdateNode(grpc::ServerContext*, const api::UpdateNodeRequest* request,
                          api::Node* reply) override;
  grpc::Status CordonNode(grpc::ServerContext*, const api::CordonNodeRequest* request,
                          api::Node* reply) override;
  grpc::Status UncordonNode(grpc::ServerContext*, const api::UncordonNodeRequest* request,
                            api::Node* reply) override;
  grpc::Status ListEvents(grpc::ServerContext*, const api::ListEventsRequest* request,
                          api::ListEventsReply* reply) override;
  grpc::Status StreamLogs(grpc::ServerContext*, const api::StreamLogsRequest* request,
                          grpc::ServerWriter<api::StreamLogsReply>* writer) override;
  grpc::Status ListUsage(grpc::ServerContext*, const api::ListUsageRequest* request,
                         api::ListUsageReply* reply) override {
    last_usage = *request;
    *reply = usage;
    return grpc::Status::OK;
  }
  grpc::Status GetRollout(grpc::ServerContext*, const api::GetRolloutRequest* request,
                          api::Rollout* reply) override;
  grpc::Status ListRollouts(grpc::ServerContext*, const api::ListRolloutsRequest* request,
                            api::ListRolloutsReply* reply) override;
  grpc::Status ListVersions(grpc::ServerContext*, const api::ListVersionsRequest* request,
                            api::ListVersionsReply* reply) override;
  grpc::Status WatchRollout(grpc::ServerContext*, const api::WatchRolloutRequest* request,
                            grpc::ServerWriter<api::Rollout>* writer) override;
  grpc::Status PauseRollout(grpc::ServerContext*, const api::PauseRolloutRequest* request,
                            api::Rollout* reply) override {
    return control("Pause", request->namespace_(), request->name(), reply);
  }
  grpc::Status ResumeRollout(grpc::ServerContext*, const api::ResumeRolloutRequest* request,
                             api::Rollout* reply) override {
    return control("Resume", request->namespace_(), request->name(), reply);
  }
  grpc::Status PromoteRollout(grpc::ServerContext*, const api::PromoteRolloutRequest* request,
                              api::Rollout* reply) override {
    return control("Promote", request->namespace_(), request->name(), reply);
  }
  grpc::Status AbortRollout(grpc::ServerContext*, const api::AbortRolloutRequest* request,
                            api::Rollout* reply) override {
    return control("Abort", request->namespace_(), request->name(), reply);
  }
  grpc::Status RestartRollout(grpc::ServerContext*, const api::RestartRolloutRequest* request,
                              api::Rollout* reply) override {
    return control("Restart", request->namespace_(), request->name(), reply);
  }
  grpc::Status UndoRollout(grpc::ServerContext*, const api::UndoRolloutRequest* request,
                           api::Rollout* reply) override {
    return control("Undo " + std::to_string(request->to_version()), request->namespace_(), request->name(),
                   reply);
  }
  grpc::Status DrainNode(grpc::ServerContext*, const api::DrainNodeRequest* request,
                         api::Node* reply) override;
  grpc::Status Exec(grpc::ServerContext*,
                    grpc::ServerReaderWriter<api::ExecOutput, api::ExecInput>* stream) override;

 private:
  grpc::Status write(const std::string& ns, const std::string& name, const api::WorkloadSpec& spec,
                     api::Workload* reply);
  grpc::Status control(const std::string& what, const std::string& ns, const std::string& name,
                       api::Rollout* reply);
  api::Node* find_node(const std::string& id);

  std::mutex mutex_;
  std::uint64_t revision_ = 0;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace cloudless::cli
