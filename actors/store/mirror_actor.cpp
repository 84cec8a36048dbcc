#include "actors/store/mirror_actor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "actors/store/mirror_state.hpp"
#include "messages/caf_error.hpp"

namespace cloudless {
namespace {

/// What find_store found.
struct Found {
  Result<store_actor> store;
};
using FoundPtr = std::shared_ptr<const Found>;

}  // namespace
}  // namespace cloudless

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::FoundPtr)

namespace cloudless {
namespace {

constexpr std::chrono::seconds kAnswerTimeout{5};

using Shell = source_actor::extend_with<wire_follower_actor, ActorOf<
                                                                 // INTERNAL: the answer of find_store.
                                                                 caf::result<void>(FoundPtr),
                                                                 // INTERNAL: look for the store again.
                                                                 caf::result<void>(sweep_atom)>>;

struct EarlyFollower {
  follower_actor handle;
  caf::typed_response_promise<CommitsPublished> promise;
};

class MirrorShell {
 public:
  explicit MirrorShell(Shell::pointer self) : self_(self) {}

  Shell::behavior_type start(MirrorOptions options) {
    options_ = std::move(options);
    self_->set_down_handler([this](const caf::down_msg& down) { on_down(down.source); });
    look_for_store();
    return {[this](follow_atom, const follower_actor& follower) { return follow(follower); },
            [this](wire_atom, const std::string& frame) { take(frame); },
            [this](const FoundPtr& found) {
              found->store ? attach(*found->store) : try_later(found->store.error());
            },
            [this](sweep_atom) { look_for_store(); }};
  }

 private:
  caf::result<CommitsPublished> follow(const follower_actor& follower) {
    self_->monitor(follower);
    if (!state_.snapshot()) {
      auto promise = self_->make_response_promise<CommitsPublished>();
      early_.push_back({follower, promise});
      return promise;
    }
    add(follower);
    return loaded();
  }

  void add(const follower_actor& follower) {
    if (std::find(followers_.begin(), followers_.end(), follower) == followers_.end())
      followers_.push_back(follower);
  }

  CommitsPublished loaded() const {
    return {state_.position(), std::make_shared<const std::vector<Commit>>(), state_.snapshot()};
  }

  void look_for_store() {
    options_.find_store([self =
                             caf::actor_cast<caf::weak_actor_ptr>(Shell{self_})](Result<store_actor> store) {
      if (const auto alive = self.lock())
        caf::anon_send(caf::actor_cast<Shell>(alive), std::make_shared<const Found>(Found{std::move(store)}));
    });
  }

  /// Positions of another incarnation of the store mean nothing to this one: only where the same one is met
  /// again does the mirror go on from what it has.
  void attach(const store_actor& store) {
    const bool same = store.address() == last_store_;
    last_store_ = store.address();
    store_ = store;
    self_->monitor(store);
    ask(same ? state_.position() : 0);
  }

  /// Frames of an earlier asking may still be on their way: they are ignored until this one is answered.
  void ask(Revision position) {
    answered_ = false;
    untold_ = 0;
    const auto attempt = ++attempt_;
    self_
        ->request(store_, kAnswerTimeout, wire_atom::value, wire_follower_actor{Shell{self_}}, position,
                  options_.window)
        .then(
            [this, attempt](Revision) {
              if (attempt != attempt_) return;
              answered_ = true;
              failures_ = 0;
              state_.restart();
            },
            [this, attempt](const caf::error& error) {
              if (attempt == attempt_) lose_store(from_caf(error));
            });
  }

  void take(const std::string& frame) {
    if (!answered_) return;
    auto step = state_.take(frame);
    if (!step) {
      spdlog::warn("mirror: {}; loading anew", step.error().message);
      return ask(0);
    }
    untold_ += frame.size();
    if (untold_ >= options_.window / 4)
      self_->send(store_, credit_atom::value, wire_follower_actor{Shell{self_}}, std::exchange(untold_, 0));
    if (*step) publish(**step);
  }

  void publish(const store::MirrorState::Step& step) {
    for (const auto& follower : followers_)
      self_->send(follower, CommitsPublished{step.predecessor, step.commits, step.after});
    for (auto& [follower, promise] : std::exchange(early_, {})) {
      add(follower);
      promise.deliver(loaded());
    }
  }

  void on_down(const caf::actor_addr& gone) {
    std::erase_if(followers_, [&gone](const follower_actor& f) { return f.address() == gone; });
    std::erase_if(early_, [&gone](const EarlyFollower& f) { return f.handle.address() == gone; });
    if (store_ && store_.address() == gone)
      lose_store({Errc::unavailable, "the connection to the store was lost", {}});
  }

  void lose_store(const Error& why) {
    if (store_) self_->demonitor(store_.address());
    store_ = nullptr;
    answered_ = false;
    ++attempt_;
    try_later(why);
  }

  void try_later(const Error& why) {
    const auto pause = std::min(options_.longest_pause, options_.shortest_pause << std::min(failures_, 10));
    if (failures_++ == 0) spdlog::warn("mirror: {}; looking for it again", why.message);
    self_->delayed_send(self_, std::chrono::milliseconds(pause), sweep_atom::value);
  }

  Shell::pointer self_;
  MirrorOptions options_;
  store::MirrorState state_;
  store_actor store_;
  caf::actor_addr last_store_;
  bool answered_ = false;
  std::uint64_t attempt_ = 0;
  std::uint64_t untold_ = 0;  // bytes taken that the store does not know of
  int failures_ = 0;          // in a row
  std::vector<follower_actor> followers_;
  std::vector<EarlyFollower> early_;  // came before the first load
};

Shell::behavior_type run_mirror(Shell::stateful_pointer<MirrorShell> self, MirrorOptions options) {
  return self->state.start(std::move(options));
}

}  // namespace

source_actor spawn_mirror(caf::actor_system& system, MirrorOptions options) {
  return source_actor{system.spawn(run_mirror, std::move(options))};
}

source_actor spawn_mirror(caf::actor_system& system, const store_actor& remote) {
  MirrorOptions options;
  options.find_store = [remote](const auto& done) { done(remote); };
  return spawn_mirror(system, std::move(options));
}

}  // namespace cloudless
