// The real scheduler with a judge who looks over its shoulder: after every call what its model counts must be
// what the records that it has seen add up to, and nothing that it assumed may be left; and what it decides
// is lawful by what it has seen.
#pragma once

#include <functional>
#include <memory>

#include "actors/scheduler/scheduler.hpp"
#include "chaos/simulator/breach.hpp"
#include "chaos/simulator/ledger.hpp"

namespace cloudless::sim {

using OnBreach = std::function<void(Breach)>;

class WatchedScheduler final : public decider::Decider {
 public:
  explicit WatchedScheduler(OnBreach on_breach);
  ~WatchedScheduler() override;

  /// What may be asked from outside while it lives; null afterwards.
  struct Window {
    const WatchedScheduler* scheduler = nullptr;
  };
  std::shared_ptr<const Window> window() const { return window_; }
  /// What it still counts otherwise than this view, which should be its own. Absent: nothing.
  std::optional<std::string> differs_from(const Snapshot& view) const;

  void load(SnapshotPtr view) override;
  void apply(const std::vector<Commit>& commits, SnapshotPtr after) override;
  void look_at_everything() override { core_.look_at_everything(); }
  std::vector<ProposalItem> propose(std::size_t limit, Millis now) override;
  std::optional<Millis> wake_at() const override { return core_.wake_at(); }

 private:
  void see(SnapshotPtr view);
  void judge_model(const char* when);

  scheduler::Scheduler core_;
  OnBreach on_breach_;
  SnapshotPtr view_;
  Ledger ledger_;  // of view_
  std::shared_ptr<Window> window_;
};

}  // namespace cloudless::sim
