#include "services/agent/agent_service.hpp"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <utility>

#include "cloudless/api/agent_service.grpc.pb.h"
#include "gateway/session_input.hpp"
#include "gateway/status.hpp"
#include "gateway/stream_call.hpp"
#include "gateway/undecodable.hpp"
#include "messages/codec/api_objects.hpp"
#include "messages/codec/api_stream.hpp"
#include "services/agent/local_session.hpp"
#include "services/agent/usage_call.hpp"

namespace cloudless::agent {
namespace {

constexpr std::size_t kMostOutput = 1 << 20;
constexpr std::uint64_t kStreamCredit = 256 << 10;
constexpr int kMostReceived = (1 << 20) + (64 << 10);
constexpr auto kShutdownWithin = std::chrono::seconds(1);

/// Only one's own containers: what a workload is, the coordinator knows.
Result<void> check_target(const codec::StreamTarget& target) {
  if (target.workload.name.empty()) return {};
  return tl::unexpected(
      Error{Errc::invalid_argument,
            "an agent knows containers and replicas; ask the coordinator for a workload by its name",
            {{"workload", "name a container_id or a replica_id"}}});
}

class LogCall final : public grpc::ServerWriteReactor<api::StreamLogsReply>, public SessionClient {
 public:
  static LogCall* start(const ServiceParts& parts, const api::StreamLogsRequest& request) {
    auto call = std::make_shared<LogCall>();
    call->self_ = call;
    call->begin(parts, request);
    return call.get();
  }

  void on_data(const SessionData& data) override {
    std::lock_guard lock(mutex_);
    if (data.lines.empty()) return;
    waiting_.push_back(data);
    write_next();
  }
  void on_end(const SessionEnd& end) override {
    std::lock_guard lock(mutex_);
    if (!last_) last_ = gateway::to_status(end.error);
    write_next();
  }
  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) return finish(grpc::Status::CANCELLED);
    if (session_) session_->grant(written_);
    write_next();
  }
  void OnCancel() override {
    std::lock_guard lock(mutex_);
    finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    session_.reset();
    const auto last = std::move(self_);
  }

 private:
  void begin(const ServiceParts& parts, const api::StreamLogsRequest& request) {
    std::lock_guard lock(mutex_);
    auto parsed = codec::parse_logs(request);
    if (!parsed) return finish(gateway::to_status(parsed.error()));
    if (auto known = check_target(parsed->target); !known) return finish(gateway::to_status(known.error()));
    replica_ = parsed->query.replica;
    session_ = LocalSession::open(parts.system, parts.supervisor,
                                  SessionOpen{parts.node, std::move(parsed->query)}, self_);
  }

  void write_next() {
    if (writing_ || finished_) return;
    if (waiting_.empty()) {
      if (last_) finish(*last_);
      return;
    }
    const SessionData data = std::move(waiting_.front());
    waiting_.pop_front();
    written_ = session_bytes(data);
    reply_.Clear();
    for (const auto& line : data.lines) *reply_.add_lines() = codec::to_api(line, replica_);
    writing_ = true;
    StartWrite(&reply_);
  }

  void finish(const grpc::Status& status) {
    if (!std::exchange(finished_, true)) Finish(status);
  }

  /// Until gRPC is done with it.
  std::shared_ptr<LogCall> self_;
  std::shared_ptr<LocalSession> session_;
  ReplicaId replica_;
  std::mutex mutex_;
  std::deque<SessionData> waiting_;
  std::optional<grpc::Status> last_;
  api::StreamLogsReply reply_;
  std::uint64_t written_ = 0;
  bool writing_ = false;
  bool finished_ = false;
};

class ExecCall final : public grpc::ServerUnaryReactor, public SessionClient {
 public:
  explicit ExecCall(api::ExecCommandReply& reply) : reply_(reply) {}

  static ExecCall* start(const ServiceParts& parts, const api::ExecCommandRequest& request,
                         api::ExecCommandReply& reply) {
    auto call = std::make_shared<ExecCall>(reply);
    call->self_ = call;
    call->begin(parts, request);
    return call.get();
  }

  void on_data(const SessionData& data) override {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    auto& kept = data.is_stderr ? *reply_.mutable_stderr() : *reply_.mutable_stdout();
    const auto room = std::min(kMostOutput - kept.size(), data.output.size());
    kept.append(data.output, 0, room);
    if (room < data.output.size()) reply_.set_truncated(true);
    if (session_) session_->grant(session_bytes(data));
  }
  void on_taken(std::uint64_t bytes) override {
    std::lock_guard lock(mutex_);
    if (!finished_) send_input(bytes);
  }
  void on_end(const SessionEnd& end) override {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    if (end.error.code != Errc::none) return finish(gateway::to_status(end.error));
    reply_.set_exit_code(end.exit_code);
    reply_.set_timed_out(end.timed_out);
    if (end.truncated) reply_.set_truncated(true);
    finish(grpc::Status::OK);
  }
  void OnCancel() override {
    std::lock_guard lock(mutex_);
    finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    session_.reset();
    const auto last = std::move(self_);
  }

 private:
  void begin(const ServiceParts& parts, const api::ExecCommandRequest& request) {
    std::lock_guard lock(mutex_);
    auto parsed = codec::parse_exec(request);
    if (!parsed) return finish(gateway::to_status(parsed.error()));
    if (auto known = check_target(parsed->target); !known) return finish(gateway::to_status(known.error()));
    session_ = LocalSession::open(parts.system, parts.supervisor,
                                  SessionOpen{parts.node, std::move(parsed->query)}, self_);
    if (parsed->input.empty()) return;
    input_ = gateway::cut_input(std::move(parsed->input));
    send_input(kSessionInputCredit);
  }

  void send_input(std::uint64_t granted) {
    input_credit_ += granted;
    while (session_ && !input_.empty() && input_.front().bytes.size() <= input_credit_) {
      input_credit_ -= input_.front().bytes.size();
      session_->send(std::move(input_.front()));
      input_.pop_front();
    }
  }

  void finish(const grpc::Status& status) {
    if (!std::exchange(finished_, true)) Finish(status);
  }

  std::shared_ptr<ExecCall> self_;
  std::shared_ptr<LocalSession> session_;
  std::mutex mutex_;
  api::ExecCommandReply& reply_;
  std::deque<SessionInput> input_;
  std::uint64_t input_credit_ = 0;
  bool finished_ = false;
};

class LocalLine final : public gateway::StreamLine {
 public:
  LocalLine(const ServiceParts& parts, SessionOpen open, std::shared_ptr<gateway::StreamReceiver> receiver)
      : client_(std::make_shared<Receiving>(std::move(receiver))),
        session_(LocalSession::open(parts.system, parts.supervisor, std::move(open), client_)) {}

  void send(SessionInput input) override { session_->send(std::move(input)); }
  void send(SessionResize resize) override { session_->send(resize); }
  void send(SessionSignal signal) override { session_->send(signal); }
  void send(SessionCredit credit) override { session_->grant(credit.bytes); }

 private:
  class Receiving final : public SessionClient {
   public:
    explicit Receiving(std::shared_ptr<gateway::StreamReceiver> receiver) : receiver_(std::move(receiver)) {}
    void on_data(const SessionData& data) override { receiver_->on_data(data); }
    void on_taken(std::uint64_t bytes) override { receiver_->on_taken(bytes); }
    void on_end(const SessionEnd& end) override { receiver_->on_end(end); }

   private:
    const std::shared_ptr<gateway::StreamReceiver> receiver_;
  };

  const std::shared_ptr<Receiving> client_;
  const std::shared_ptr<LocalSession> session_;
};

template <class Input, class Output>
grpc::ServerBidiReactor<Input, Output>* start_stream(const ServiceParts& parts) {
  using Line = Result<std::unique_ptr<gateway::StreamLine>>;
  return gateway::StreamCall<Input, Output>::start(
      [parts](codec::StreamOpen opened, std::shared_ptr<gateway::StreamReceiver> receiver) -> Line {
        if (auto known = check_target(opened.target); !known) return fail(known.error());
        return std::make_unique<LocalLine>(
            parts, SessionOpen{parts.node, std::move(opened.query), kStreamCredit, "local"},
            std::move(receiver));
      },
      [](grpc::StatusCode) {});
}

ReplicaReport report_of(const runtime::ObservedContainer& seen) {
  ReplicaReport report;
  report.replica = seen.replica;
  report.attempt = seen.attempt;
  report.container = seen.container;
  report.address = seen.address;
  report.started_at = seen.started_at;
  report.phase = seen.running ? Phase::running : Phase::starting;
  report.ready = seen.running;
  if (seen.exit) {
    report.phase = seen.exit->exit_code == 0 ? Phase::succeeded : Phase::failed;
    report.exit_code = seen.exit->exit_code;
    report.reason = seen.exit->reason;
  }
  return report;
}

class Service final : public api::AgentService::CallbackService {
 public:
  explicit Service(ServiceParts parts) : parts_(std::move(parts)) {}

  grpc::ServerWriteReactor<api::StreamLogsReply>* StreamLogs(grpc::CallbackServerContext*,
                                                             const api::StreamLogsRequest* request) override {
    return LogCall::start(parts_, *request);
  }

  grpc::ServerUnaryReactor* ExecCommand(grpc::CallbackServerContext*, const api::ExecCommandRequest* request,
                                        api::ExecCommandReply* reply) override {
    return ExecCall::start(parts_, *request, *reply);
  }

  grpc::ServerUnaryReactor* GetUsage(grpc::CallbackServerContext*, const api::GetUsageRequest*,
                                     api::GetUsageReply* reply) override {
    return start_usage_call(parts_, *reply);
  }

  grpc::ServerBidiReactor<api::ExecInput, api::ExecOutput>* Exec(grpc::CallbackServerContext*) override {
    return start_stream<api::ExecInput, api::ExecOutput>(parts_);
  }

  grpc::ServerBidiReactor<api::PortForwardInput, api::PortForwardOutput>* PortForward(
      grpc::CallbackServerContext*) override {
    return start_stream<api::PortForwardInput, api::PortForwardOutput>(parts_);
  }

  grpc::ServerBidiReactor<api::CopyInput, api::CopyOutput>* Copy(grpc::CallbackServerContext*) override {
    return start_stream<api::CopyInput, api::CopyOutput>(parts_);
  }

  grpc::ServerUnaryReactor* GetContainerStatus(grpc::CallbackServerContext* context,
                                               const api::GetContainerStatusRequest* request,
                                               api::GetContainerStatusReply* reply) override {
    auto* reactor = context->DefaultReactor();
    const ContainerId id{request->container_id()};
    if (id.empty()) {
      reactor->Finish(gateway::to_status(
          {Errc::invalid_argument, "a container is needed", {{"container_id", "must not be empty"}}}));
      return reactor;
    }
    parts_.runtime.list([reactor, reply, id](Result<std::vector<runtime::ObservedContainer>> seen) {
      if (!seen) return reactor->Finish(gateway::to_status(seen.error()));
      for (const auto& container : *seen) {
        if (container.container != id) continue;
        *reply = codec::to_api(report_of(container), container.running ? container.pid : 0);
        return reactor->Finish(grpc::Status::OK);
      }
      reactor->Finish(
          gateway::to_status({Errc::not_found, "there is no container " + id.value + " on this node", {}}));
    });
    return reactor;
  }

 private:
  const ServiceParts parts_;
};

/// gRPC's plug-ins are global and are set up before the first server.
void set_up_plugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

class Server final : public AgentServer {
 public:
  Server(ServiceParts parts, const std::string& address) : service_(std::move(parts)) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMostReceived);
    // Reflection and health are the only synchronous services: few threads are enough for them.
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 1024);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 200);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    gateway::refuse_undecodable(builder);
    int port = 0;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (server_)
      server_->GetHealthCheckService()->SetServingStatus(api::AgentService::service_full_name(), true);
    port_ = static_cast<std::uint16_t>(port);
  }

  ~Server() override {
    if (!server_) return;
    server_->Shutdown(std::chrono::system_clock::now() + kShutdownWithin);
    server_->Wait();
  }

  bool listens() const { return server_ && port_ != 0; }
  std::uint16_t port() const override { return port_; }

 private:
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<AgentServer>> AgentServer::start(ServiceParts parts, const std::string& address) {
  set_up_plugins();
  auto server = std::make_unique<Server>(std::move(parts), address);
  if (!server->listens())
    return fail(Errc::unavailable, "cannot listen at " + address + " for gRPC; is another process there?");
  return server;
}

}  // namespace cloudless::agent
