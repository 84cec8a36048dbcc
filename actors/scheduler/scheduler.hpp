// The scheduler as a decider: keeps a model of the view and proposes to assign what is pending, in the order
// of work, or to say why it cannot be. Pure. The rest of the control plane sees only its proposals.
// Always: what it proposes fits after everything that it proposed before in the same batch.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/decider/decider.hpp"
#include "actors/scheduler/compile.hpp"
#include "actors/scheduler/demand.hpp"
#include "actors/scheduler/model.hpp"

namespace cloudless::scheduler {

class Scheduler final : public decider::Decider {
 public:
  void load(SnapshotPtr view) override;
  void apply(const std::vector<Commit>& commits, SnapshotPtr after) override;
  /// Also what found no place since nothing changed.
  void look_at_everything() override;
  /// Assignments first, then reasons that changed; both in the order of work. The reason of a version's
  /// replicas is worked out anew at most every 5 s for each hundred of them.
  std::vector<ProposalItem> propose(std::size_t limit, Millis now) override;
  std::optional<Millis> wake_at() const override { return wake_at_; }

 private:
  /// A version for whose replicas there is no place.
  struct Waiting {
    std::uint64_t looked_at = 0;         ///< the model's generation; 0: to be looked at again
    std::optional<Millis> look_again{};  ///< when the back-off of a node ends
    std::string reason;
    std::uint64_t explained_at = 0;  ///< the model's generation
    Millis explained = 0;            ///< store time
    std::uint64_t pass = 0;          ///< in which it last had a replica that waits
    bool operator==(const Waiting&) const = default;
  };
  class Pass;

  Model model_;
  Compiled compiled_{model_};
  std::map<VersionKey, Waiting> waiting_;
  std::optional<Millis> wake_at_;
  std::uint64_t passes_ = 0;
};

}  // namespace cloudless::scheduler
