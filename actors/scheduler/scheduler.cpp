#include "actors/scheduler/scheduler.hpp"

#include "actors/scheduler/pass.hpp"

namespace cloudless::scheduler {

void Scheduler::load(SnapshotPtr view) {
  model_.load(*view);
  waiting_ = {};
}

void Scheduler::apply(const std::vector<Commit>& commits, SnapshotPtr after) {
  for (const auto& commit : commits) model_.apply(commit, *after);
}

void Scheduler::look_at_everything() {
  for (auto& [version, waiting] : waiting_.versions) waiting.looked_at = 0;
}

std::vector<ProposalItem> Scheduler::propose(std::size_t limit, Millis now) {
  wake_at_.reset();
  if (model_.pending().empty()) {
    waiting_ = {};
    return {};
  }
  Pass pass(model_, compiled_, waiting_, {++passes_, limit, now, reasons_ == Reasons::told});
  auto items = pass.run();
  wake_at_ = pass.wake_at();
  return items;
}

}  // namespace cloudless::scheduler
