#include "actors/decider/decider_shell.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "actors/decider/proposal_gate.hpp"
#include "messages/caf_error.hpp"
#include "messages/domain/store_clock.hpp"

namespace cloudless::decider {
namespace {

using namespace std::chrono_literals;

constexpr auto kSweepEvery = 5s;
constexpr auto kRetryAfter = 500ms;
constexpr auto kAnswerWithin = 5s;

struct State {
  explicit State(decider_actor::pointer self) : self_(self) {}

  void init(std::string name, std::unique_ptr<Decider> core, source_actor source, workload_state_actor owner,
            std::size_t most) {
    name_ = std::move(name);
    most_ = most;
    core_ = std::move(core);
    source_ = std::move(source);
    owner_ = std::move(owner);
    follow();
    arm(kSweepEvery);
  }

  void follow() {
    self_->request(source_, kAnswerWithin, follow_atom::value, follower_actor{decider_actor{self_}})
        .then([this](const CommitsPublished& present) { take(present); },
              [this](const caf::error& error) {
                spdlog::warn("{}: cannot follow: {}", name_, from_caf(error).message);
                arm(kRetryAfter);
              });
  }

  void take(const CommitsPublished& batch) {
    const Revision mine = view_ ? view_->revision() : 0;
    const Revision theirs = batch.after->revision();
    if (view_ && theirs <= mine) return;
    const bool gap = !view_ || batch.predecessor != mine || batch.commits->size() != theirs - mine;
    view_ = batch.after;
    if (gap) {
      store_clock_.observe(mark_of(*view_), steady());
      core_->load(view_);
    } else {
      keep_time(*batch.commits);
      core_->apply(*batch.commits, view_);
    }
    propose();
  }

  Millis steady() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(self_->clock().now().time_since_epoch())
        .count();
  }

  void keep_time(const std::vector<Commit>& commits) {
    for (const auto& commit : commits) store_clock_.observe(mark_of(commit), steady());
  }

  void propose() {
    if (!view_ || !gate_.open(view_->revision())) return;
    const Millis now = store_clock_.now(steady());
    auto items = core_->propose(most_, now);
    if (const auto at = core_->wake_at()) wake_after(std::max<Millis>(1, *at - now));
    if (items.empty()) return;
    gate_.sent(view_->revision());
    self_
        ->request(owner_, kAnswerWithin,
                  Carried<Proposal>{Proposal{name_, view_->revision(), std::move(items)}})
        .then(
            [this](const Carried<ProposalAnswer>& answer) {
              const auto refused = std::count_if(answer->items.begin(), answer->items.end(),
                                                 [](const Error& e) { return e.code != Errc::none; });
              gate_.answered(answer->judged_at, refused == 0);
              if (refused > 0)
                spdlog::debug("{}: {} of {} items refused", name_, refused, answer->items.size());
              propose();
            },
            [this](const caf::error& error) {
              spdlog::debug("{}: proposal without answer: {}", name_, from_caf(error).message);
              gate_.lost();
              arm(kRetryAfter);
            });
  }

  /// At least one wake-up is under way that comes in time.
  void wake_after(Millis delay) {
    const Millis at = steady() + delay;
    if (wake_at_ && *wake_at_ <= at) return;
    wake_at_ = at;
    self_->delayed_send(self_, std::chrono::milliseconds(delay), wake_atom_v);
  }

  void wake() {
    if (wake_at_ && *wake_at_ > steady()) return;  // it came for an earlier one
    wake_at_.reset();
    gate_.stop_waiting();
    propose();
  }

  void sweep() {
    if (--armed_ == 0) arm(kSweepEvery);
    if (!view_) return follow();
    gate_.stop_waiting();
    core_->look_at_everything();
    propose();
  }

  /// At least one sweep is always under way; a retry is an extra one.
  void arm(std::chrono::milliseconds after) {
    ++armed_;
    self_->delayed_send(self_, after, sweep_atom::value);
  }

  decider_actor::behavior_type behavior() {
    return {
        // From the source.
        [this](const CommitsPublished& batch) { take(batch); },
        // INTERNAL: every 5 s, and soon after something failed.
        [this](sweep_atom) { sweep(); },
        // INTERNAL: something is due.
        [this](wake_atom) { wake(); },
    };
  }

  decider_actor::pointer self_;
  std::string name_;
  std::size_t most_ = 0;
  std::unique_ptr<Decider> core_;
  source_actor source_;
  workload_state_actor owner_;
  SnapshotPtr view_;
  ProposalGate gate_;
  StoreClock store_clock_;
  std::optional<Millis> wake_at_;  ///< steady
  int armed_ = 0;
};

}  // namespace

decider_actor spawn_decider(caf::actor_system& system, std::string name, std::unique_ptr<Decider> core,
                            source_actor source, workload_state_actor owner, std::size_t most) {
  // An actor's initial function is copied: the core travels in a shared pointer.
  auto box = std::make_shared<std::unique_ptr<Decider>>(std::move(core));
  return system.spawn([name = std::move(name), box, source = std::move(source), owner = std::move(owner),
                       most](decider_actor::stateful_pointer<State> self) -> decider_actor::behavior_type {
    self->state.init(name, std::move(*box), source, owner, most);
    return self->state.behavior();
  });
}

}  // namespace cloudless::decider
