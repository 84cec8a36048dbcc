// ExecCommand: one session with the agent that has the replica; its output is collected, at most 1 MiB of
// each stream.
#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#include "gateway/service.hpp"
#include "gateway/session.hpp"
#include "gateway/session_input.hpp"
#include "gateway/status.hpp"
#include "gateway/targets.hpp"
#include "messages/codec/api_stream.hpp"

namespace cloudless::gateway {
namespace {

constexpr std::size_t kMostOutput = 1 << 20;
/// Beyond the command's own limit: for the way there and back.
constexpr Millis kGrace = 10'000;
constexpr std::uint64_t kCredit = 256 << 10;

class ExecCall final : public grpc::ServerUnaryReactor, public SessionClient {
 public:
  static ExecCall* start(const Parts& parts, const api::ExecCommandRequest& request,
                         api::ExecCommandReply& reply, std::string principal) {
    auto call = std::make_shared<ExecCall>(parts, reply);
    call->self_ = call;
    call->begin(request, std::move(principal));
    return call.get();
  }

  ExecCall(const Parts& parts, api::ExecCommandReply& reply) : parts_(parts), reply_(reply) {}

  void on_data(const SessionId& session, const SessionData& data) override {
    std::lock_guard lock(mutex_);
    if (ended_ || session != session_) return;
    auto& kept = data.is_stderr ? *reply_.mutable_stderr() : *reply_.mutable_stdout();
    const auto room = std::min(kMostOutput - kept.size(), data.output.size());
    kept.append(data.output, 0, room);
    if (room < data.output.size()) reply_.set_truncated(true);
    caf::anon_send(sink_, Carried<SessionFrame>(SessionFrame{session_, SessionCredit{session_bytes(data)}}));
  }
  void on_taken(const SessionId& session, std::uint64_t bytes) override {
    std::lock_guard lock(mutex_);
    if (ended_ || session != session_) return;
    send_input(bytes);
  }
  void on_end(const SessionId& session, const SessionEnd& end) override {
    std::lock_guard lock(mutex_);
    if (ended_ || session != session_) return;
    if (end.error.code != Errc::none) return finish(to_status(end.error));
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
    if (subscription_ != 0) parts_.mirror->unsubscribe(subscription_);
    if (sink_) end_session(sink_);
    sink_ = nullptr;
    parts_.metrics.observe(Method::exec_command, code_, began_);
    auto last = std::move(self_);
  }

 private:
  void begin(const api::ExecCommandRequest& request, std::string principal) {
    std::lock_guard lock(mutex_);
    auto parsed = codec::parse_exec(request);
    if (!parsed) return finish(to_status(parsed.error()));
    auto& query = parsed->query;
    const auto snapshot = parts_.mirror->present();
    if (!snapshot) return finish({grpc::StatusCode::UNAVAILABLE, "this gateway is starting; try again"});
    const auto target = exec_target(*snapshot, {parsed->target.workload.ns, parsed->target.workload.name,
                                                parsed->target.replica, parsed->target.container});
    if (!target) return finish(to_status(target.error()));
    query.replica = target->replica;
    query.container = target->container;
    deadline_ = parts_.clock.steady() + query.timeout + kGrace;
    session_ = random_session_id();
    sink_ = spawn_session(parts_.system, parts_.owners, self_);
    subscription_ = parts_.mirror->subscribe([this] { wake(); });
    caf::anon_send(
        sink_, Carried<SessionFrame>(SessionFrame{
                   session_, SessionOpen{target->node, std::move(query), kCredit, std::move(principal)}}));
    if (parsed->input.empty()) return;
    input_ = cut_input(std::move(parsed->input));
    send_input(kSessionInputCredit);
  }

  /// As far as it was granted; the last piece says that it is the last.
  void send_input(std::uint64_t granted) {
    input_credit_ += granted;
    while (!input_.empty() && input_.front().bytes.size() <= input_credit_) {
      input_credit_ -= input_.front().bytes.size();
      caf::anon_send(sink_, Carried<SessionFrame>(SessionFrame{session_, std::move(input_.front())}));
      input_.pop_front();
    }
  }

  void wake() {
    std::lock_guard lock(mutex_);
    if (parts_.clock.steady() < deadline_) return;
    finish({grpc::StatusCode::DEADLINE_EXCEEDED,
            "the node did not answer in time; whether the command ran is not known"});
  }

  void finish(grpc::Status status) {
    if (std::exchange(ended_, true)) return;
    code_ = status.error_code();
    Finish(std::move(status));
  }

  const Parts parts_;
  api::ExecCommandReply& reply_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::uint64_t subscription_ = 0;
  std::shared_ptr<ExecCall> self_;
  session_sink_actor sink_;

  std::mutex mutex_;
  SessionId session_;
  Millis deadline_ = 0;
  std::deque<SessionInput> input_;
  std::uint64_t input_credit_ = 0;
  bool ended_ = false;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
};

}  // namespace

grpc::ServerUnaryReactor* Service::ExecCommand(Context* context, const api::ExecCommandRequest* request,
                                               api::ExecCommandReply* reply) {
  return ExecCall::start(parts_, *request, *reply, principal_of(*context));
}

}  // namespace cloudless::gateway
