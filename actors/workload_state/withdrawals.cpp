#include "actors/workload_state/withdrawals.hpp"

#include <algorithm>
#include <memory>

#include "actors/workload_state/stop.hpp"

namespace cloudless::workload_state {
namespace {

/// What was planned may be lost on the way: it is looked at again after so long.
constexpr Millis kLookAgain = 1000;

bool waits_for_its_stop(const Replica& replica) {
  return replica.withdrawn != StopCause::none && !replica.stop_requested() && !is_terminal(replica.phase);
}

Millis deadline_of(const Snapshot& now, const Replica& replica) {
  const auto version = now.version(replica.workload, replica.version);
  const Millis grace = version ? version->pod.termination_grace : 0;
  return replica.withdrawn_at + std::min(grace, Withdrawals::kMostPatience);
}

}  // namespace

void Withdrawals::see(const Replica& replica, Revision revision) {
  if (waits_for_its_stop(replica))
    withdrawn_.try_emplace(replica.id, revision);
  else
    withdrawn_.erase(replica.id);
}

void Withdrawals::load(const Snapshot& published) {
  withdrawn_.clear();
  published.replicas().for_each(
      [&](const ReplicaSlot&, const std::shared_ptr<const Replica>& r) { see(*r, published.revision()); });
}

void Withdrawals::apply(const std::vector<Commit>& commits) {
  for (const auto& commit : commits) {
    for (const auto& change : commit.changes) {
      if (change.key.kind != RecordKind::replica) continue;
      if (change.record)
        see(*std::get<std::shared_ptr<const Replica>>(*change.record), commit.revision);
      else
        withdrawn_.erase(ReplicaId{change.key.id});
    }
  }
}

void Withdrawals::stop_due(owner::Plan& plan, const Followers& followers, Millis steady,
                           Millis moment) const {
  for (const auto& [id, revision] : withdrawn_) {
    const auto replica = plan.now().replica(id);
    if (!replica || !waits_for_its_stop(*replica)) continue;
    const auto workload = plan.now().workload(replica->workload);
    const bool known = !workload || followers.all_have_seen(workload->ns, workload->name, revision, steady);
    if (!known && moment < deadline_of(plan.now(), *replica)) continue;
    const auto node = plan.now().node(replica->node);
    plan.put(std::make_shared<const Replica>(stopped(*replica, replica->withdrawn, node.get())));
    plan.seal();
  }
}

std::optional<Millis> Withdrawals::next_look(const Snapshot& now, const Followers& followers, Millis steady,
                                             Millis moment) const {
  if (withdrawn_.empty()) return std::nullopt;
  Millis wait = kLookAgain;
  if (const auto end = followers.next_end(steady)) wait = std::min(wait, *end - steady);
  for (const auto& [id, revision] : withdrawn_) {
    const auto replica = now.replica(id);
    if (!replica || !waits_for_its_stop(*replica)) continue;
    // What is past could not be planned just now.
    if (const Millis left = deadline_of(now, *replica) - moment; left > 0) wait = std::min(wait, left);
  }
  return std::max<Millis>(1, wait);
}

}  // namespace cloudless::workload_state
