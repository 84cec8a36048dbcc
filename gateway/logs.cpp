// StreamLogs: one session per replica, their lines merged by time. What the agents may send follows the
// client's pace: credit is given back when a message went out. With follow, new replicas join and broken
// sessions are opened again where they stopped.
#include <grpcpp/alarm.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "gateway/log_merge.hpp"
#include "gateway/service.hpp"
#include "gateway/session.hpp"
#include "gateway/status.hpp"
#include "gateway/targets.hpp"
#include "messages/codec/api_objects.hpp"
#include "messages/codec/api_stream.hpp"

namespace cloudless::gateway {
namespace {

constexpr std::size_t kMessageBytes = 64 << 10;
constexpr std::uint64_t kMostCredit = 256 << 10;
constexpr std::uint64_t kLeastCredit = 64 << 10;
constexpr std::uint64_t kCreditOfAll = 4 << 20;
/// A line is held back this long for a replica that has caught up and is silent: its own may be on the way.
constexpr std::chrono::milliseconds kHold{10};
/// And this long for one that still brings what was written before.
constexpr Millis kFlushEvery = 1'000;
constexpr Millis kLookEvery = 500;
constexpr Millis kReopenAfter = 1'000;
constexpr Millis kReopenFor = 60'000;

using Reply = api::StreamLogsReply;

/// One replica's lines: which session brings them now, and up to where they came.
struct Feed {
  Target target;
  SessionId session;     ///< empty: none is open
  Millis reopen_at = 0;  ///< while none is open
  Millis broken_since = 0;
  Error error{Errc::none, {}, {}};
  bool ended = false;               ///< for good
  std::optional<LogPosition> last;  ///< where a session that is opened again goes on
};

class LogStream final : public grpc::ServerWriteReactor<Reply>, public SessionClient {
 public:
  static LogStream* start(const Parts& parts, const api::StreamLogsRequest& request) {
    auto stream = std::make_shared<LogStream>(parts);
    stream->self_ = stream;
    stream->begin(request);
    return stream.get();
  }

  explicit LogStream(const Parts& parts) : parts_(parts) {}

  // From the session's actor.
  void on_data(const SessionId& session, const SessionData& data) override {
    std::lock_guard lock(mutex_);
    auto* feed = feed_of(session);
    if (feed == nullptr || ended_) return;
    feed->broken_since = 0;
    if (!data.lines.empty()) feed->last = {data.lines.back().container, data.lines.back().position};
    merge_.add(session, data.lines);
    if (data.caught_up) merge_.caught_up(session);
    advance();
  }
  void on_end(const SessionId& session, const SessionEnd& end) override {
    std::lock_guard lock(mutex_);
    auto* feed = feed_of(session);
    if (feed == nullptr || ended_) return;
    merge_.end(session);
    feed->session = {};
    close(*feed, end.error);
    advance();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) return end(grpc::Status::CANCELLED);
    for (const auto& [session, bytes] : std::exchange(to_grant_, {})) grant(session, bytes);
    advance();
  }
  void OnCancel() override {
    std::lock_guard lock(mutex_);
    end(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    if (subscription_ != 0) parts_.mirror->unsubscribe(subscription_);
    if (sink_) end_session(sink_);
    sink_ = nullptr;
    hold_.reset();
    parts_.metrics.observe(Method::stream_logs, code_, began_);
    // The session's actor may hold this a little longer.
    auto last = std::move(self_);
  }

 private:
  void begin(const api::StreamLogsRequest& request) {
    std::lock_guard lock(mutex_);
    auto parsed = codec::parse_logs(request);
    if (!parsed) return end(to_status(parsed.error()));
    query_ = std::move(parsed->query);
    selection_ = {parsed->target.workload.ns, parsed->target.workload.name, parsed->target.replica,
                  parsed->target.container};
    const auto snapshot = parts_.mirror->present();
    if (!snapshot) return end({grpc::StatusCode::UNAVAILABLE, "this gateway is starting; try again"});
    const auto targets = log_targets(*snapshot, selection_);
    if (!targets) return end(to_status(targets.error()));
    sink_ = spawn_session(parts_.system, parts_.owners, self_);
    credit_ =
        std::clamp(kCreditOfAll / std::max<std::uint64_t>(targets->size(), 1), kLeastCredit, kMostCredit);
    for (const auto& target : *targets) add(target);
    subscription_ = parts_.mirror->subscribe([this] { wake(); });
    advance();
  }

  // -- feeds and sessions

  void add(const Target& target) {
    auto& feed = feeds_[target.replica];
    feed.target = target;
    open(feed);
  }

  void open(Feed& feed) {
    LogQuery query = query_;
    query.replica = feed.target.container.empty() ? feed.target.replica : ReplicaId{};
    query.container = feed.target.container;
    if (feed.last) {
      query.tail_lines.reset();
      query.after = feed.last;
    }
    feed.session = random_session_id();
    merge_.open(feed.session);
    sessions_[feed.session] = feed.target.replica;
    send(feed.session, SessionOpen{feed.target.node, std::move(query), credit_});
  }

  void close(Feed& feed, const Error& error) {
    feed.error = error;
    const auto now = parts_.clock.steady();
    const bool broken = error.code == Errc::unavailable || error.code == Errc::deadline_exceeded;
    // Its node has not heard of it yet.
    const bool early = error.code == Errc::not_found && feed.target.container.empty() &&
                       replica_lives(*parts_.mirror->present(), feed.target.replica);
    if (!query_.follow || !(broken || early)) {
      feed.ended = true;
      return;
    }
    feed.reopen_at = now + kReopenAfter;
    if (early) return;
    if (feed.broken_since == 0) feed.broken_since = now;
    feed.ended = now - feed.broken_since > kReopenFor;
  }

  Feed* feed_of(const SessionId& session) {
    const auto it = sessions_.find(session);
    if (it == sessions_.end()) return nullptr;
    auto& feed = feeds_[it->second];
    return feed.session == session ? &feed : nullptr;
  }

  template <class Body>
  void send(const SessionId& session, Body body) {
    caf::anon_send(sink_, Carried<SessionFrame>(SessionFrame{session, std::move(body)}));
  }
  void grant(const SessionId& session, std::uint64_t bytes) {
    if (merge_.is_open(session)) send(session, SessionCredit{bytes});
  }

  // -- the stream

  /// Called by the mirror, some times a second.
  void wake() {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    if (parts_.mirror->closed()) return end({grpc::StatusCode::UNAVAILABLE, "this gateway is going away"});
    const auto now = parts_.clock.steady();
    if (query_.follow && now - looked_at_ >= kLookEvery) look(now);
    if (now - flushed_at_ >= kFlushEvery) {
      flushed_at_ = now;
      wait_ = MergeWait::for_none;
    }
    advance();
  }

  /// Opens what broke, and what is new; sees that the workload is gone.
  void look(Millis now) {
    looked_at_ = now;
    for (auto& [replica, feed] : feeds_)
      if (feed.session.empty() && !feed.ended && feed.reopen_at <= now) open(feed);
    const auto targets = log_targets(*parts_.mirror->present(), selection_);
    gone_ = !targets && targets.error().code == Errc::not_found;
    if (!targets) return;
    for (const auto& target : *targets)
      if (feeds_.count(target.replica) == 0) add(target);
  }

  void advance() {
    if (writing_ || ended_) return;
    auto lines = merge_.take(kMessageBytes, std::exchange(wait_, MergeWait::for_all));
    if (lines.empty()) {
      if (!merge_.empty()) hold();
      return end_if_over();
    }
    current_.Clear();
    for (auto& merged : lines) {
      const auto replica = sessions_.find(merged.session);
      *current_.add_lines() =
          codec::to_api(merged.line, replica == sessions_.end() ? ReplicaId{} : replica->second);
      to_grant_[merged.session] += merged.bytes;
    }
    writing_ = true;
    StartWrite(&current_);
  }

  /// Lines wait for a silent replica: not for long.
  void hold() {
    if (std::exchange(holding_, true)) return;
    hold_ = std::make_unique<grpc::Alarm>();
    hold_->Set(std::chrono::system_clock::now() + kHold, [stream = self_](bool) {
      std::lock_guard lock(stream->mutex_);
      stream->holding_ = false;
      if (stream->ended_) return;
      if (stream->wait_ == MergeWait::for_all) stream->wait_ = MergeWait::for_backlog;
      stream->advance();
    });
  }

  void end_if_over() {
    if (!merge_.finished()) return;
    const Feed* failed = nullptr;
    std::size_t without_previous = 0;
    for (const auto& [replica, feed] : feeds_) {
      if (!feed.ended) return;
      if (feed.error.code == Errc::none) continue;
      failed = &feed;
      if (query_.previous && feed.error.code == Errc::not_found) ++without_previous;
    }
    // A workload that is followed may get replicas again, as long as it is there; a replica may get a node.
    const bool whole_workload = selection_.replica.empty() && selection_.container.empty();
    const bool may_come = !gone_ && (whole_workload || feeds_.empty()) &&
                          more_logs_may_come(*parts_.mirror->present(), selection_);
    if (query_.follow && may_come) return;
    // Some replicas are in their first attempt.
    if (without_previous > 0 && without_previous < feeds_.size()) return end(grpc::Status::OK);
    if (failed == nullptr || gone_) return end(grpc::Status::OK);
    Error error = failed->error;
    error.message = "logs of replica " + failed->target.replica.value + ": " + error.message;
    end(to_status(error));
  }

  void end(grpc::Status status) {
    if (std::exchange(ended_, true)) return;
    code_ = status.error_code();
    Finish(std::move(status));
  }

  const Parts parts_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::uint64_t subscription_ = 0;
  /// Until gRPC is done with it.
  std::shared_ptr<LogStream> self_;
  session_sink_actor sink_;

  std::mutex mutex_;
  Selection selection_;
  LogQuery query_;
  std::uint64_t credit_ = kMostCredit;
  std::map<ReplicaId, Feed> feeds_;
  std::map<SessionId, ReplicaId> sessions_;
  std::map<SessionId, std::uint64_t> to_grant_;
  LogMerge merge_;
  Reply current_;
  Millis flushed_at_ = 0;
  Millis looked_at_ = 0;
  MergeWait wait_ = MergeWait::for_all;
  std::unique_ptr<grpc::Alarm> hold_;
  bool holding_ = false;
  bool gone_ = false;
  bool writing_ = false;
  bool ended_ = false;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
};

}  // namespace

grpc::ServerWriteReactor<Reply>* Service::StreamLogs(Context*, const api::StreamLogsRequest* request) {
  return LogStream::start(parts_, *request);
}

}  // namespace cloudless::gateway
