// ListUsage: one session with each node that is meant; what they say is put together, and who says nothing in
// time is named.
#include <map>
#include <mutex>
#include <utility>

#include "gateway/service.hpp"
#include "gateway/session.hpp"
#include "gateway/status.hpp"
#include "gateway/usage_answer.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::gateway {
namespace {

/// For every node to answer; a link that is there answers in milliseconds.
constexpr Millis kNodePatience = 3'000;
constexpr std::size_t kMostUsage = 8 << 20;

class UsageCall final : public grpc::ServerUnaryReactor, public SessionClient {
 public:
  static UsageCall* start(const Parts& parts, const api::ListUsageRequest& request,
                          api::ListUsageReply& reply) {
    auto call = std::make_shared<UsageCall>(parts, reply);
    call->self_ = call;
    call->begin(request);
    return call.get();
  }

  UsageCall(const Parts& parts, api::ListUsageReply& reply) : parts_(parts), reply_(reply) {}

  void on_data(const SessionId& session, const SessionData& data) override {
    std::lock_guard lock(mutex_);
    const auto found = asked_.find(session);
    if (ended_ || found == asked_.end()) return;
    if (found->second.bytes.size() + data.output.size() <= kMostUsage) found->second.bytes += data.output;
  }

  void on_end(const SessionId& session, const SessionEnd& end) override {
    std::lock_guard lock(mutex_);
    const auto found = asked_.find(session);
    if (ended_ || found == asked_.end()) return;
    const auto& [node, bytes] = found->second;
    NodeUsage usage;
    if (end.error.code != Errc::none)
      said_.insert_or_assign(node, fail(end.error));
    else if (codec::decode(bytes, usage) && usage.node == node)
      said_.insert_or_assign(node, std::move(usage));
    else
      said_.insert_or_assign(node, fail(Errc::data_loss, "the node's answer cannot be read"));
    asked_.erase(found);
    if (asked_.empty()) answer();
  }

  void OnCancel() override {
    std::lock_guard lock(mutex_);
    finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    if (subscription_ != 0) parts_.mirror->unsubscribe(subscription_);
    if (sink_) end_session(sink_);
    sink_ = nullptr;
    parts_.metrics.observe(Method::list_usage, code_, began_);
    auto last = std::move(self_);
  }

 private:
  struct Asked {
    NodeId node;
    std::string bytes;
  };

  void begin(const api::ListUsageRequest& request) {
    std::lock_guard lock(mutex_);
    selection_ = {request.namespace_(), request.workload(), NodeId{request.node_id()}};
    if (!selection_.workload.empty() && selection_.ns.empty()) selection_.ns = "default";
    const auto snapshot = parts_.mirror->present();
    if (!snapshot) return finish({grpc::StatusCode::UNAVAILABLE, "this gateway is starting; try again"});
    const auto nodes = usage_nodes(*snapshot, selection_);
    if (!nodes) return finish(to_status(nodes.error()));
    if (nodes->empty()) return answer();
    deadline_ = parts_.clock.steady() + kNodePatience;
    sink_ = spawn_session(parts_.system, parts_.owners, self_);
    for (const auto& node : *nodes) asked_.emplace(random_session_id(), Asked{node, {}});
    subscription_ = parts_.mirror->subscribe([this] { wake(); });
    for (const auto& [session, asked] : asked_)
      caf::anon_send(sink_, Carried<SessionFrame>(
                                SessionFrame{session, SessionOpen{asked.node, UsageQuery{}, kMostUsage}}));
  }

  void wake() {
    std::lock_guard lock(mutex_);
    if (ended_ || deadline_ == 0 || parts_.clock.steady() < deadline_) return;
    for (const auto& [session, asked] : asked_)
      said_.insert_or_assign(asked.node, fail(Errc::deadline_exceeded, "the node did not answer in time"));
    asked_.clear();
    answer();
  }

  void answer() {
    if (ended_) return;
    if (const auto snapshot = parts_.mirror->present()) answer_usage(*snapshot, selection_, said_, reply_);
    finish(grpc::Status::OK);
  }

  void finish(grpc::Status status) {
    if (std::exchange(ended_, true)) return;
    code_ = status.error_code();
    Finish(std::move(status));
  }

  const Parts parts_;
  api::ListUsageReply& reply_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::uint64_t subscription_ = 0;
  std::shared_ptr<UsageCall> self_;
  session_sink_actor sink_;

  std::mutex mutex_;
  UsageSelection selection_;
  std::map<SessionId, Asked> asked_;
  std::map<NodeId, Result<NodeUsage>> said_;
  Millis deadline_ = 0;
  bool ended_ = false;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
};

}  // namespace

grpc::ServerUnaryReactor* Service::ListUsage(Context*, const api::ListUsageRequest* request,
                                             api::ListUsageReply* reply) {
  return UsageCall::start(parts_, *request, *reply);
}

}  // namespace cloudless::gateway
