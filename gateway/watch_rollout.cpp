// WatchRollout: a rollout's state each time it is another one than before. One message is under way at a
// time, and the next is made when it is written, so a slow client sees fewer of them and costs the same.

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "gateway/answers.hpp"
#include "gateway/service.hpp"
#include "gateway/status.hpp"
#include "messages/codec/api_command.hpp"

namespace cloudless::gateway {
namespace {

/// How often words with a time in them are made anew.
constexpr Millis kWordsEvery = 1'000;

class RolloutWatch final : public grpc::ServerWriteReactor<api::Rollout> {
 public:
  RolloutWatch(const Parts& parts, Result<Revision> from, const api::WatchRolloutRequest& request)
      : parts_(parts),
        follows_(request.number() == 0),
        keeps_(request.keep_watching()),
        number_(request.number()) {
    auto name = codec::parse_name(request.namespace_(), request.name());
    if (!name || !from) {
      end(to_status(name ? from.error() : name.error()));
      return;
    }
    name_ = std::move(*name);
    from_ = std::max<Revision>(*from, 1);
    patience_ = parts_.clock.steady() + kAwaited;
    subscription_ = parts_.mirror->subscribe([this] { advance(); });
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
    if (subscription_ != 0) parts_.mirror->unsubscribe(subscription_);
    parts_.metrics.observe(Method::watch_rollout, code_, began_);
    delete this;
  }

 private:
  /// For a revision that this gateway has not seen yet.
  static constexpr Millis kAwaited = 5'000;

  /// Once, with the lock held (or before anybody else knows this).
  void end(const grpc::Status& status) {
    if (std::exchange(ended_, true)) return;
    code_ = status.error_code();
    Finish(status);
  }
  void end(const Error& error) { end(to_status(error)); }

  void advance() {
    std::lock_guard lock(mutex_);
    if (writing_ || ended_) return;
    if (parts_.mirror->closed())
      return end({grpc::StatusCode::UNAVAILABLE, "this gateway is going away; watch at another"});
    const auto snapshot = parts_.mirror->present();
    if (!snapshot || snapshot->revision() < from_) {
      if (parts_.clock.steady() > patience_)
        end({Errc::unavailable, "this gateway has not seen that revision yet; try again", {}});
      return;
    }
    look(*snapshot);
  }

  void look(const Snapshot& snapshot) {
    const auto workload =
        uid_.value.empty() ? snapshot.workload(name_.ns, name_.name) : snapshot.workload(uid_);
    if (!workload || workload->deleted)
      return end({Errc::not_found, "workload " + name_.ns + "/" + name_.name + " does not exist", {}});
    uid_ = workload->uid;
    if (number_ == 0) number_ = workload->rollout;
    // Until the first rollout of a workload begins, there is nothing to tell.
    if (number_ == 0) return;
    auto rollout = snapshot.rollout(uid_, number_);
    if (!rollout && follows_ && number_ < workload->rollout) rollout = next_after(snapshot, number_);
    if (!rollout)
      return end({Errc::not_found,
                  "workload " + name_.ns + "/" + name_.name + " has no rollout " + std::to_string(number_) +
                      ", or does not keep it any more; the newest one is " +
                      std::to_string(workload->rollout),
                  {}});
    number_ = rollout->number;
    // The counts are the newest one's: of one that is over and was told, there is nothing new.
    const bool told_its_end = rollout == said_of_ && !rollout->is_active() && number_ != workload->rollout;
    if (!told_its_end && tell(snapshot, *workload, rollout)) return;
    if (rollout->is_active()) return;
    const auto next = follows_ || keeps_ ? next_after(snapshot, number_) : nullptr;
    if (next) {
      number_ = next->number;
      said_of_ = nullptr;
      tell(snapshot, *workload, next);
    } else if (!keeps_) {
      end(grpc::Status::OK);
    }
  }

  std::shared_ptr<const Rollout> next_after(const Snapshot& snapshot, std::uint64_t number) const {
    for (auto& rollout : snapshot.rollouts_of(uid_))
      if (rollout->number > number) return std::move(rollout);
    return nullptr;
  }

  /// True if there was something to say.
  bool tell(const Snapshot& snapshot, const Workload& workload,
            const std::shared_ptr<const Rollout>& rollout) {
    const auto now = parts_.clock.steady();
    if (rollout == said_of_ && now < looked_at_ + kWordsEvery &&
        !parts_.mirror->may_have_changed(uid_, seen_))
      return false;
    const bool same_record = std::exchange(said_of_, rollout) == rollout;
    seen_ = snapshot.revision();
    auto next = describe(snapshot, workload, *rollout, now_of(parts_));
    // A deadline that moves by a few milliseconds is the same.
    if (next.has_deadline()) next.mutable_deadline()->set_nanos(0);
    const bool only_words = same_record && without_words(next) == without_words(current_);
    if (only_words && (next.waiting_for() == current_.waiting_for() || now < looked_at_ + kWordsEvery))
      return false;
    looked_at_ = now;
    current_ = std::move(next);
    current_.set_store_revision(seen_);
    writing_ = true;
    StartWrite(&current_);
    return true;
  }

  static std::string without_words(api::Rollout rollout) {
    rollout.clear_waiting_for();
    rollout.clear_notes();
    rollout.clear_deadline();
    rollout.clear_store_revision();
    return rollout.SerializeAsString();
  }

  const Parts parts_;
  const bool follows_;
  const bool keeps_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::uint64_t subscription_ = 0;

  std::mutex mutex_;
  QualifiedName name_;
  Revision from_ = 1;
  Millis patience_ = 0;
  WorkloadUid uid_;
  std::uint64_t number_;
  /// What was said last, of what, when.
  std::shared_ptr<const Rollout> said_of_;
  Revision seen_ = 0;
  Millis looked_at_ = 0;
  api::Rollout current_;
  bool writing_ = false;
  bool ended_ = false;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
};

}  // namespace

grpc::ServerWriteReactor<api::Rollout>* Service::WatchRollout(Context* context,
                                                              const api::WatchRolloutRequest* request) {
  return new RolloutWatch(parts_, min_revision_of(*context), *request);
}

}  // namespace cloudless::gateway
