// WatchWorkloads: a stream of what was touched, from a position. A watcher that falls behind is sent the
// present state of what it missed, once per workload; one message is under way at a time and at most one page
// is held, so it costs the same however slow.
#include <spdlog/spdlog.h>

#include <deque>
#include <mutex>
#include <utility>

#include "gateway/answers.hpp"
#include "gateway/service.hpp"
#include "gateway/status.hpp"
#include "messages/domain/selector.hpp"

namespace cloudless::gateway {
namespace {

constexpr std::size_t kListedAtOnce = 64;
constexpr std::size_t kTouchesAtOnce = 1024;
/// Looked through before somebody else gets the thread; the next wake goes on.
constexpr int kMostPages = 16;
constexpr Millis kProgressEvery = 5'000;
/// How long a position ahead of this gateway is waited for.
constexpr Millis kAheadFor = 5'000;

using Reply = api::WatchWorkloadsReply;

class Watch final : public grpc::ServerWriteReactor<Reply> {
 public:
  Watch(const Parts& parts, const api::WatchWorkloadsRequest& request)
      : mirror_(parts.mirror),
        clock_(parts.clock),
        metrics_(parts.metrics),
        ns_(request.namespace_()),
        position_(request.from_revision()),
        listing_(position_ == 0),
        heard_at_(clock_.steady()) {
    auto selector = parse_selector(request.label_selector());
    if (!selector) {
      end(to_status(selector.error()));
      return;
    }
    selector_ = std::move(*selector);
    subscription_ = mirror_->subscribe([this] { advance(); });
    advance();
  }

  void OnWriteDone(bool ok) override {
    {
      std::lock_guard lock(mutex_);
      writing_ = false;
      if (!ok) return end(grpc::Status::CANCELLED);
    }
    advance();
  }
  void OnCancel() override {
    std::lock_guard lock(mutex_);
    end(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    if (subscription_ != 0) mirror_->unsubscribe(subscription_);
    metrics_.observe(Method::watch_workloads, code_, began_);
    delete this;
  }

 private:
  /// Once, with the lock held (or before anybody else knows this).
  void end(grpc::Status status) {
    if (std::exchange(ended_, true)) return;
    code_ = status.error_code();
    Finish(std::move(status));
  }

  void advance() {
    std::lock_guard lock(mutex_);
    if (writing_ || ended_) return;
    if (mirror_->closed())
      return end(
          {grpc::StatusCode::UNAVAILABLE, "this gateway is going away; watch from your revision at another"});
    if (pending_.empty()) refill();
    if (pending_.empty() || ended_) return;
    current_ = std::move(pending_.front());
    pending_.pop_front();
    writing_ = true;
    heard_at_ = clock_.steady();
    StartWrite(&current_);
  }

  void refill() {
    const auto snapshot = mirror_->present();
    if (!snapshot) return;
    if (listing_) return list(*snapshot);
    if (position_ > snapshot->revision()) {
      if (clock_.steady() - heard_at_ > kAheadFor)
        end({grpc::StatusCode::OUT_OF_RANGE,
             "from_revision " + std::to_string(position_) + " is ahead of the store, which is at " +
                 std::to_string(snapshot->revision()) + ": list again and watch from there"});
      return;
    }
    for (int pages = 0; pages < kMostPages && pending_.empty() && position_ < mirror_->revision(); ++pages) {
      auto page = mirror_->changes_after(position_, kTouchesAtOnce);
      if (!page) return end(to_status(page.error()));
      if (page->upto <= position_) break;
      take(*page, *mirror_->present());
      position_ = page->upto;
    }
    if (pending_.empty() && clock_.steady() - heard_at_ >= kProgressEvery) progress();
  }

  void progress() {
    Reply reply;
    reply.set_kind(Reply::PROGRESS);
    reply.set_revision(position_);
    pending_.push_back(std::move(reply));
  }

  /// The next of everything that is there. What changes behind the cursor meanwhile comes after it, from
  /// history.
  void list(const Snapshot& snapshot) {
    if (cursor_.empty()) position_ = snapshot.revision();
    bool more = false;
    snapshot.workloads().visit_from(
        cursor_, [&](const WorkloadUid& uid, const std::shared_ptr<const Workload>& workload) {
          if (uid == cursor_ || !matches(workload.get())) return true;
          if (pending_.size() >= kListedAtOnce) {
            more = true;
            return false;
          }
          // Only from 0 would a client that is interrupted here get the rest.
          push(Reply::ADDED, 0, snapshot, *workload);
          last_listed_ = uid;
          return true;
        });
    cursor_ = last_listed_;
    if (more) return;
    listing_ = false;
    progress();
  }

  void take(const History::Page& page, const Snapshot& snapshot) {
    for (std::size_t i = 0; i < page.changes.size(); ++i) {
      const auto& change = page.changes[i];
      // Resuming from a revision must not skip what else was touched at it.
      const bool last_of_revision =
          i + 1 == page.changes.size() || page.changes[i + 1].revision != change.revision;
      const auto resume = last_of_revision ? change.revision : change.revision - 1;
      const auto now = snapshot.workload(change.uid);
      const bool was = !change.created && matches(change.before ? change.before.get() : now.get());
      const bool is = matches(now.get());
      if (is)
        push(was ? Reply::CHANGED : Reply::ADDED, resume, snapshot, *now);
      else if (was && now)
        push(Reply::DELETED, resume, snapshot, *now);
      else if (was && change.erased && change.last)
        push(Reply::DELETED, resume, snapshot, *change.last);
    }
  }

  bool matches(const Workload* workload) const {
    return workload != nullptr && (ns_.empty() || workload->ns == ns_) &&
           selector_.matches(workload->spec.labels);
  }

  void push(Reply::Kind kind, Revision resume, const Snapshot& snapshot, const Workload& workload) {
    Reply reply;
    reply.set_kind(kind);
    reply.set_revision(resume);
    *reply.mutable_workload() = describe(snapshot, workload);
    pending_.push_back(std::move(reply));
  }

  const std::shared_ptr<Mirror> mirror_;
  const Clock& clock_;
  MethodMetrics& metrics_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::uint64_t subscription_ = 0;

  std::mutex mutex_;
  std::string ns_;
  Selector selector_;
  Revision position_;
  bool listing_;
  WorkloadUid cursor_;
  WorkloadUid last_listed_;
  Millis heard_at_;
  std::deque<Reply> pending_;
  Reply current_;
  bool writing_ = false;
  bool ended_ = false;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
};

}  // namespace

grpc::ServerWriteReactor<Reply>* Service::WatchWorkloads(Context*,
                                                         const api::WatchWorkloadsRequest* request) {
  return new Watch(parts_, *request);
}

}  // namespace cloudless::gateway
