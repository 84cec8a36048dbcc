#include "actors/scheduler/scheduler.hpp"

#include <algorithm>
#include <utility>

#include "actors/scheduler/place.hpp"

namespace cloudless::scheduler {

void Scheduler::load(SnapshotPtr view) {
  view_ = std::move(view);
  inventory_.load(*view_);
}

void Scheduler::apply(const std::vector<Commit>& commits, SnapshotPtr after) {
  view_ = std::move(after);
  for (const auto& commit : commits) inventory_.apply(commit, *view_);
}

std::vector<ProposalItem> Scheduler::propose(std::size_t limit, Millis) {
  if (inventory_.pending().empty()) return {};
  std::vector<Request> requests;
  requests.reserve(inventory_.pending().size());
  for (const auto& [slot, replica] : inventory_.pending())
    requests.push_back({replica, requests_of(*view_, *replica), host_ports_of(*view_, *replica)});
  std::stable_sort(requests.begin(), requests.end(), [](const Request& a, const Request& b) {
    return a.replica->created_at < b.replica->created_at;
  });

  const Placed placement = place(inventory_, requests, limit);
  std::vector<ProposalItem> items(placement.assignments.begin(), placement.assignments.end());
  for (const auto& unplaced : placement.unplaced) {
    if (items.size() >= limit) break;
    if (view_->replica(unplaced.replica)->reason != unplaced.reason)
      items.emplace_back(ExplainPending{unplaced.replica, unplaced.reason});
  }
  return items;
}

}  // namespace cloudless::scheduler
