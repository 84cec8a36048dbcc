// The scheduler as a decider: keeps an inventory of the view and proposes to assign what is pending, or to
// say why it cannot be. Pure. The rest of the control plane sees only its proposals, so a better one may
// stand in its place.
#pragma once

#include "actors/decider/decider.hpp"
#include "actors/scheduler/inventory.hpp"

namespace cloudless::scheduler {

class Scheduler final : public decider::Decider {
 public:
  void load(SnapshotPtr view) override;
  void apply(const std::vector<Commit>& commits, SnapshotPtr after) override;
  void look_at_everything() override {}
  /// Assignments first, then reasons that changed. The oldest pending replica comes first.
  std::vector<ProposalItem> propose(std::size_t limit, Millis now) override;

 private:
  SnapshotPtr view_;
  Inventory inventory_;
};

}  // namespace cloudless::scheduler
