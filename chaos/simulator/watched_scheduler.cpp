#include "chaos/simulator/watched_scheduler.hpp"

#include <utility>

#include "chaos/simulator/decision_law.hpp"

namespace cloudless::sim {

WatchedScheduler::WatchedScheduler(OnBreach on_breach)
    : on_breach_(std::move(on_breach)), window_(std::make_shared<Window>(Window{this})) {}

WatchedScheduler::~WatchedScheduler() {
  window_->scheduler = nullptr;
}

void WatchedScheduler::load(SnapshotPtr view) {
  core_.load(view);
  see(std::move(view));
}

void WatchedScheduler::apply(const std::vector<Commit>& commits, SnapshotPtr after) {
  core_.apply(commits, after);
  see(std::move(after));
}

void WatchedScheduler::see(SnapshotPtr view) {
  view_ = std::move(view);
  ledger_ = ledger_of(*view_);
  if (const auto why = wrong_fragments(ledger_, *view_))
    on_breach_({"fragments are what replicas hold", *why});
  judge_model("after commit");
}

std::vector<ProposalItem> WatchedScheduler::propose(std::size_t limit, Millis now) {
  auto items = core_.propose(limit, now);
  judge_model("after a decision at");
  for (auto& breach : check_decision(*view_, items, now)) on_breach_(std::move(breach));
  return items;
}

void WatchedScheduler::judge_model(const char* when) {
  if (const auto why = wrong_model(ledger_, core_.model()))
    on_breach_({"the scheduler counts what replicas hold, and nothing else",
                std::string(when) + " " + std::to_string(view_->revision()) + ": " + *why});
}

std::optional<std::string> WatchedScheduler::differs_from(const Snapshot& view) const {
  if (!view_ || view_->revision() != view.revision())
    return "it has seen revision " + std::to_string(view_ ? view_->revision() : 0) + " of " +
           std::to_string(view.revision());
  return wrong_model(ledger_of(view), core_.model());
}

}  // namespace cloudless::sim
