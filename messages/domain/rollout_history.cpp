#include "messages/domain/rollout_history.hpp"

namespace cloudless {

std::uint64_t last_good_version(const Snapshot& view, const Workload& workload) {
  std::uint64_t newest = 0;
  for (const auto& version : view.versions_of(workload.uid))
    if (version->proven && version->number != workload.version) newest = version->number;
  std::uint64_t last = 0;
  for (const auto& rollout : view.rollouts_of(workload.uid)) {
    if (rollout->state != RolloutState::completed || rollout->to_version == workload.version) continue;
    const auto version = view.version(workload.uid, rollout->to_version);
    if (version && version->proven) last = version->number;
  }
  return last != 0 ? last : newest;
}

}  // namespace cloudless
