// The scheduler as a decider: keeps a model of the view and proposes to assign what is pending, in the order
// of work, to stop others of lower priority for it, or to say why it cannot be. Pure. The rest of the control
// plane sees only its proposals. Always: what it proposes fits after everything that it proposed before in
// the same batch.
#pragma once

#include <optional>
#include <vector>

#include "actors/decider/decider.hpp"
#include "actors/scheduler/compile.hpp"
#include "actors/scheduler/model.hpp"
#include "actors/scheduler/waiting.hpp"

namespace cloudless::scheduler {

enum class Reasons { told, left_out };

class Scheduler final : public decider::Decider {
 public:
  explicit Scheduler(Reasons reasons = Reasons::told) : reasons_(reasons) {}
  void load(SnapshotPtr view) override;
  void apply(const std::vector<Commit>& commits, SnapshotPtr after) override;
  /// Also what found no place since nothing changed.
  void look_at_everything() override;
  /// Assignments, and stops of those who make room, first; then reasons that changed; both in the order of
  /// work. A gang counts as its members, and one that is larger than `limit` comes alone. The reason of a
  /// version's replicas is worked out anew at most every 5 s for each hundred of them.
  std::vector<ProposalItem> propose(std::size_t limit, Millis now) override;
  std::optional<Millis> wake_at() const override { return wake_at_; }
  /// What it knows. Between two calls of the above nothing is assumed in it.
  const Model& model() const { return model_; }

 private:
  Reasons reasons_;
  Model model_;
  Compiled compiled_{model_};
  WaitingList waiting_;
  std::optional<Millis> wake_at_;
  std::uint64_t passes_ = 0;
};

}  // namespace cloudless::scheduler
