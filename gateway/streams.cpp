// Exec, PortForward and Copy: one session each, with the agent that has the replica.
#include <utility>

#include "gateway/service.hpp"
#include "gateway/session.hpp"
#include "gateway/stream_call.hpp"
#include "gateway/targets.hpp"

namespace cloudless::gateway {
namespace {

constexpr std::uint64_t kStreamCredit = 256 << 10;

/// One session's frames, for the call that has it.
class Receiving final : public SessionClient {
 public:
  explicit Receiving(std::shared_ptr<StreamReceiver> receiver) : receiver_(std::move(receiver)) {}
  void on_data(const SessionId&, const SessionData& data) override { receiver_->on_data(data); }
  void on_taken(const SessionId&, std::uint64_t bytes) override { receiver_->on_taken(bytes); }
  void on_end(const SessionId&, const SessionEnd& end) override { receiver_->on_end(end); }

 private:
  const std::shared_ptr<StreamReceiver> receiver_;
};

class HubLine final : public StreamLine {
 public:
  HubLine(const Parts& parts, SessionOpen open, std::shared_ptr<StreamReceiver> receiver)
      : session_(random_session_id()),
        sink_(spawn_session(parts.system, parts.owners, std::make_shared<Receiving>(std::move(receiver)))) {
    pass(std::move(open));
  }
  // The hub cancels the session when its sink ends.
  ~HubLine() override { end_session(sink_); }

  void send(SessionInput input) override { pass(std::move(input)); }
  void send(SessionResize resize) override { pass(resize); }
  void send(SessionSignal signal) override { pass(signal); }
  void send(SessionCredit credit) override { pass(credit); }

 private:
  template <class Body>
  void pass(Body body) {
    caf::anon_send(sink_, Carried<SessionFrame>(SessionFrame{session_, std::move(body)}));
  }

  const SessionId session_;
  const session_sink_actor sink_;
};

Result<std::unique_ptr<StreamLine>> connect(const Parts& parts, const std::string& principal,
                                            codec::StreamOpen opened,
                                            std::shared_ptr<StreamReceiver> receiver) {
  const auto snapshot = parts.mirror->present();
  if (!snapshot) return fail(Errc::unavailable, "this gateway is starting; try again");
  const auto& named = opened.target;
  const auto target =
      exec_target(*snapshot, {named.workload.ns, named.workload.name, named.replica, named.container});
  if (!target) return fail(target.error());
  std::visit(
      [&](auto& query) {
        if constexpr (requires { query.replica; }) {
          query.replica = target->replica;
          query.container = target->container;
        }
      },
      opened.query);
  return std::make_unique<HubLine>(
      parts, SessionOpen{target->node, std::move(opened.query), kStreamCredit, principal},
      std::move(receiver));
}

template <class Input, class Output>
grpc::ServerBidiReactor<Input, Output>* start_stream(const Parts& parts, Service::Context* context,
                                                     Method method) {
  return StreamCall<Input, Output>::start(
      [parts, principal = principal_of(*context)](codec::StreamOpen opened,
                                                  std::shared_ptr<StreamReceiver> receiver) {
        return connect(parts, principal, std::move(opened), std::move(receiver));
      },
      [&metrics = parts.metrics, method, began = std::chrono::steady_clock::now()](grpc::StatusCode code) {
        metrics.observe(method, code, began);
      });
}

}  // namespace

grpc::ServerBidiReactor<api::ExecInput, api::ExecOutput>* Service::Exec(Context* context) {
  return start_stream<api::ExecInput, api::ExecOutput>(parts_, context, Method::exec);
}

grpc::ServerBidiReactor<api::PortForwardInput, api::PortForwardOutput>* Service::PortForward(
    Context* context) {
  return start_stream<api::PortForwardInput, api::PortForwardOutput>(parts_, context, Method::port_forward);
}

grpc::ServerBidiReactor<api::CopyInput, api::CopyOutput>* Service::Copy(Context* context) {
  return start_stream<api::CopyInput, api::CopyOutput>(parts_, context, Method::copy);
}

}  // namespace cloudless::gateway
