#include "actors/scheduler/gang.hpp"

namespace cloudless::scheduler {

bool is_in_gang(const Model& model, const ReplicaSlot& slot) {
  const auto& record = model.workloads().at(slot.workload).record;
  return record && record->spec.all_or_nothing;
}

Gang gang_of(const Model& model, const ReplicaSlot& slot) {
  const auto& workload = model.workloads().at(slot.workload);
  const std::uint64_t version = model.replica(slot)->version;
  Gang gang;
  gang.wanted = workload.record ? workload.record->spec.replicas : 0;
  gang.there = workload.standing;
  if (const auto finished = workload.finished.find(version); finished != workload.finished.end())
    gang.there += finished->second;
  for (const auto& [other, created_at] : workload.pending) {
    if (model.replica(other)->version != version) continue;
    ++gang.there;
    if (gang.members.size() < kMaxGang) gang.members.push_back(other);
  }
  return gang;
}

}  // namespace cloudless::scheduler
