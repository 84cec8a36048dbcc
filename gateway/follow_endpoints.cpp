// FollowEndpoints: the set of a workload's endpoints to a client, its acknowledgements to the owner. One
// message is under way at a time, and the next is made when it is written: a slow client gets only the latest
// set. The owner forgets who is not repeated to it (EndpointFollowing), so every second it is.
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "gateway/endpoints.hpp"
#include "gateway/service.hpp"
#include "gateway/session.hpp"
#include "gateway/status.hpp"
#include "messages/codec/api_command.hpp"
#include "messages/codec/api_objects.hpp"

namespace cloudless::gateway {
namespace {

constexpr int kMostFollowers = 1'000;
constexpr Millis kRepeatEvery = 1'000;
constexpr Millis kFollowerLease = 5'000;

using Reactor = grpc::ServerBidiReactor<api::FollowEndpointsInput, api::FollowEndpointsOutput>;

class Following final : public Reactor {
 public:
  Following(const Parts& parts, Result<Revision> from, std::shared_ptr<std::atomic<int>> open)
      : parts_(parts), open_(std::move(open)), follower_(random_session_id().value) {
    const bool room = open_->fetch_add(1) < kMostFollowers;
    std::lock_guard lock(mutex_);
    if (!room) {
      end(Error{Errc::resource_exhausted,
                "this gateway has " + std::to_string(kMostFollowers) +
                    " followers of endpoints already; follow at another gateway, or share one stream",
                {}});
    } else if (!from) {
      end(from.error());
    } else {
      from_ = std::max<Revision>(*from, 1);
      StartRead(&input_);
    }
  }

  void OnReadDone(bool ok) override {
    std::unique_lock lock(mutex_);
    if (ended_) return;
    if (!ok) return end(grpc::Status::OK);
    if (name_.name.empty()) {
      if (!open_with_first()) return;
      lock.unlock();
      // Not with the lock held: whoever wakes subscribers holds theirs.
      const auto subscription = parts_.mirror->subscribe([this] { advance(); });
      lock.lock();
      subscription_ = subscription;
      if (ended_) return;
    } else if (!acknowledge()) {
      return;
    }
    StartRead(&input_);
    lock.unlock();
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
    if (told_at_ != 0) tell_owner(0);
    open_->fetch_sub(1);
    parts_.metrics.observe(Method::follow_endpoints, code_, began_);
    delete this;
  }

 private:
  void end(const grpc::Status& status) {
    if (std::exchange(ended_, true)) return;
    code_ = status.error_code();
    Finish(status);
  }
  void end(const Error& error) { end(to_status(error)); }

  bool open_with_first() {
    if (input_.acknowledged_revision() != 0) {
      end(Error{Errc::invalid_argument,
                "the first message names the workload, nothing is acknowledged yet",
                {{"acknowledged_revision", "must not be in the first message"}}});
      return false;
    }
    auto name = codec::parse_name(input_.namespace_(), input_.name());
    if (!name) {
      end(name.error());
      return false;
    }
    name_ = std::move(*name);
    patience_ = parts_.clock.steady() + kAwaited;
    return true;
  }

  bool acknowledge() {
    if (!input_.name().empty() || !input_.namespace_().empty()) {
      end(Error{Errc::invalid_argument,
                "only the first message names the workload",
                {{"name", "is only in the first message; another workload needs a stream of its own"}}});
      return false;
    }
    const auto revision = input_.acknowledged_revision();
    if (!progress_.acknowledge(revision)) {
      end(Error{Errc::invalid_argument,
                "nothing of this revision was sent",
                {{"acknowledged_revision", "is " + std::to_string(revision) +
                                               ", the newest set that was sent is of " +
                                               std::to_string(progress_.sent())}}});
      return false;
    }
    tell_owner(kFollowerLease);
    return true;
  }

  void advance() {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    if (parts_.mirror->closed())
      return end({grpc::StatusCode::UNAVAILABLE, "this gateway is going away; follow at another"});
    const auto snapshot = parts_.mirror->present();
    if (!snapshot || snapshot->revision() < from_) {
      if (parts_.clock.steady() > patience_)
        end({Errc::unavailable, "this gateway has not seen that revision yet; try again", {}});
      return;
    }
    if (!look(*snapshot)) return;
    const auto now = parts_.clock.steady();
    if (now >= told_at_ + kRepeatEvery || (some_withdrawn_ && progress_.seen() > told_seen_))
      tell_owner(kFollowerLease);
    if (!writing_) write();
  }

  /// False when the stream is over.
  bool look(const Snapshot& snapshot) {
    auto workload = snapshot.workload(name_.ns, name_.name);
    if (!workload && uid_.value.empty()) {
      end({Errc::not_found, "workload " + name_.ns + "/" + name_.name + " does not exist", {}});
      return false;
    }
    // One that is deleted still has replicas that stop.
    if (!workload) workload = snapshot.workload(uid_);
    const auto uid = workload ? workload->uid : uid_;
    if (uid == uid_ && looked_at_ != 0 && !parts_.mirror->may_have_changed(uid_, looked_at_)) {
      progress_.unchanged_until(snapshot.revision());
    } else {
      auto set = workload ? endpoints_of(snapshot, *workload) : EndpointSet{};
      some_withdrawn_ = set.some_withdrawn;
      progress_.look(snapshot.revision(), std::move(set.endpoints));
    }
    uid_ = uid;
    looked_at_ = snapshot.revision();
    return true;
  }

  void write() {
    const auto* news = progress_.take_news();
    if (news == nullptr) return;
    output_.Clear();
    output_.set_revision(progress_.sent());
    for (const auto& mark : *news) {
      auto& wire = *output_.add_endpoints();
      wire.set_replica_id(mark.replica.value);
      wire.set_address(mark.address);
      wire.set_node_id(mark.node.value);
      for (const auto& port : mark.published_ports) *wire.add_published_ports() = codec::to_api(port);
      wire.set_ready(mark.ready);
      wire.set_serving(mark.serving);
      wire.set_version(mark.version);
    }
    writing_ = true;
    StartWrite(&output_);
  }

  void tell_owner(Millis lease) {
    told_at_ = parts_.clock.steady();
    told_seen_ = progress_.seen();
    if (const auto owner = parts_.owners->now()->workloads)
      caf::anon_send(owner, Carried<EndpointFollowing>(
                                EndpointFollowing{follower_, name_.ns, name_.name, told_seen_, lease}));
  }

  /// For a revision that this gateway has not seen yet.
  static constexpr Millis kAwaited = 5'000;

  const Parts parts_;
  const std::shared_ptr<std::atomic<int>> open_;
  const std::string follower_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::uint64_t subscription_ = 0;

  std::mutex mutex_;
  QualifiedName name_;
  Revision from_ = 1;
  Millis patience_ = 0;
  WorkloadUid uid_;
  Revision looked_at_ = 0;
  FollowerProgress progress_;
  bool some_withdrawn_ = false;
  Millis told_at_ = 0;
  Revision told_seen_ = 0;
  api::FollowEndpointsInput input_;
  api::FollowEndpointsOutput output_;
  bool writing_ = false;
  bool ended_ = false;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
};

}  // namespace

grpc::ServerBidiReactor<api::FollowEndpointsInput, api::FollowEndpointsOutput>* Service::FollowEndpoints(
    Context* context) {
  return new Following(parts_, min_revision_of(*context), followers_);
}

}  // namespace cloudless::gateway
