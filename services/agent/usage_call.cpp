#include "services/agent/usage_call.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "gateway/status.hpp"
#include "messages/codec/api_usage.hpp"
#include "messages/codec/wire.hpp"
#include "services/agent/local_session.hpp"

namespace cloudless::agent {
namespace {

class UsageCall final : public grpc::ServerUnaryReactor, public SessionClient {
 public:
  explicit UsageCall(api::GetUsageReply& reply) : reply_(reply) {}

  static UsageCall* start(const ServiceParts& parts, api::GetUsageReply& reply) {
    auto call = std::make_shared<UsageCall>(reply);
    std::lock_guard lock(call->mutex_);
    call->self_ = call;
    call->session_ =
        LocalSession::open(parts.system, parts.supervisor, SessionOpen{parts.node, UsageQuery{}}, call);
    return call.get();
  }

  void on_data(const SessionData& data) override {
    std::lock_guard lock(mutex_);
    bytes_ += data.output;
  }
  void on_end(const SessionEnd& end) override {
    std::lock_guard lock(mutex_);
    if (end.error.code != Errc::none) return finish(gateway::to_status(end.error));
    NodeUsage usage;
    if (!codec::decode(bytes_, usage))
      return finish(gateway::to_status({Errc::internal, "the sample cannot be read", {}}));
    reply_.set_node_id(usage.node.value);
    for (const auto& replica : usage.replicas)
      *reply_.add_replicas() = codec::to_api(replica, usage.node, usage.sampled_at);
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
  void finish(const grpc::Status& status) {
    if (!std::exchange(finished_, true)) Finish(status);
  }

  std::shared_ptr<UsageCall> self_;
  std::shared_ptr<LocalSession> session_;
  std::mutex mutex_;
  std::string bytes_;
  api::GetUsageReply& reply_;
  bool finished_ = false;
};

}  // namespace

grpc::ServerUnaryReactor* start_usage_call(const ServiceParts& parts, api::GetUsageReply& reply) {
  return UsageCall::start(parts, reply);
}

}  // namespace cloudless::agent
