#include "gateway/endpoints.hpp"

#include <algorithm>
#include <utility>

#include "actors/workload_state/rollout_status.hpp"

namespace cloudless::gateway {

EndpointSet endpoints_of(const Snapshot& snapshot, const Workload& workload) {
  EndpointSet out;
  for (const auto& replica : snapshot.replicas_of(workload.uid)) {
    if (replica->phase != Phase::running && replica->phase != Phase::stopping) continue;
    const auto node = snapshot.node(replica->node);
    const bool reachable = node && node->state != NodeState::offline;
    if (replica->withdrawn != StopCause::none && !replica->stop_requested()) out.some_withdrawn = true;
    out.endpoints.push_back({replica->id, replica->address, replica->node, replica->published_ports,
                             replica->phase == Phase::running && replica->ready && reachable,
                             workload_state::receives_requests(workload, *replica), replica->version});
  }
  return out;
}

void FollowerProgress::look(Revision revision, std::vector<EndpointMark> endpoints) {
  if (present_from_ == 0 || endpoints != present_) {
    present_ = std::move(endpoints);
    present_from_ = revision;
  }
  present_until_ = std::max(present_until_, revision);
}

void FollowerProgress::unchanged_until(Revision revision) {
  present_until_ = std::max(present_until_, revision);
}

const std::vector<EndpointMark>* FollowerProgress::take_news() {
  if (present_from_ == 0 || sent_ >= present_from_) return nullptr;
  sent_ = present_until_;
  return &present_;
}

bool FollowerProgress::acknowledge(Revision revision) {
  if (revision > sent_) return false;
  acknowledged_ = std::max(acknowledged_, revision);
  return true;
}

Revision FollowerProgress::seen() const {
  // It has the present set: what was committed since does not concern it.
  if (acknowledged_ != 0 && acknowledged_ >= present_from_) return present_until_;
  return acknowledged_;
}

}  // namespace cloudless::gateway
