#include "chaos/simulator/turnover.hpp"

#include <algorithm>
#include <string>

namespace cloudless::sim {
namespace {

/// So many commits after a cause nobody decides any more without knowing of it.
constexpr Revision kUnderWay = 24;

template <class T>
std::shared_ptr<const T> record_of(const Change& change) {
  return change.record ? std::get<std::shared_ptr<const T>>(*change.record) : nullptr;
}

/// Whether replicas may have to go there, or away from there, as they had not before.
bool matters(const Node& old, const Node& now) {
  return old.state != now.state || old.incarnation != now.incarnation || old.cordoned != now.cordoned ||
         old.draining != now.draining || old.labels != now.labels || old.taints != now.taints ||
         !(old.description == now.description);
}

bool matters(Workload old, const Workload& now) {
  old.next_ordinal = now.next_ordinal;
  return !(old == now);
}

bool matters(Rollout old, const Rollout& now) {
  old.mark = now.mark;
  return !(old == now);
}

WorkloadUid owner_of(const Key& key) {
  return WorkloadUid{key.id.substr(0, key.id.find('/'))};
}

/// As many as are wanted, of two versions, and once more in place of those that have to move.
std::uint32_t most_births(const WorkloadSpec& spec) {
  return 3 * spec.replicas + bounds_of(spec.rollout, spec.replicas).max_surge;
}

std::string in_words(const Replica& r, Revision born, Revision since) {
  return r.id.value + " v" + std::to_string(r.version) + ", born in commit " + std::to_string(born) +
         "; nothing has changed for it since commit " + std::to_string(since);
}

}  // namespace

Breaches Turnover::check(const Snapshot& before, const Commit& commit, const Snapshot& after) {
  Breaches breaches;
  now_ = commit.revision;
  see_causes(before, commit);
  for (const auto& change : commit.changes) {
    if (change.key.kind != RecordKind::replica) continue;
    const auto now = record_of<Replica>(change);
    if (!now) {
      born_.erase(ReplicaId{change.key.id});
      continue;
    }
    const auto workload = after.workload(now->workload);
    if (!workload) continue;
    const auto old = before.replica(now->id);
    if (!old)
      see_birth(*now, *workload, breaches);
    else if (!old->is_leaving() && now->is_leaving())
      see_leaving(*now, *workload, breaches);
  }
  return breaches;
}

void Turnover::see_causes(const Snapshot& before, const Commit& commit) {
  const auto begin_anew = [&](const WorkloadUid& workload) { calm_[workload] = Calm{now_, 0, 0}; };
  for (const auto& change : commit.changes) {
    switch (change.key.kind) {
      case RecordKind::node: {
        const auto old = before.node(NodeId{change.key.id});
        const auto now = record_of<Node>(change);
        if (!old || !now || matters(*old, *now)) nodes_changed_ = now_;
        break;
      }
      case RecordKind::workload: {
        const WorkloadUid uid{change.key.id};
        const auto old = before.workload(uid);
        const auto now = record_of<Workload>(change);
        if (!now) {
          calm_.erase(uid);
          last_end_.erase(uid);
        } else if (!old || matters(*old, *now)) {
          begin_anew(uid);
        }
        break;
      }
      case RecordKind::rollout: {
        const auto uid = owner_of(change.key);
        const auto workload = before.workload(uid);
        const auto old = workload ? before.rollout(uid, workload->rollout) : nullptr;
        const auto now = record_of<Rollout>(change);
        if (now && (!old || old->number != now->number || matters(*old, *now))) begin_anew(uid);
        break;
      }
      case RecordKind::version: {
        const auto uid = owner_of(change.key);
        const auto now = record_of<Version>(change);
        const auto old = now ? before.version(uid, now->number) : nullptr;
        if (old && !(*old == *now)) begin_anew(uid);  // it was pinned, or found good
        break;
      }
      case RecordKind::replica: {
        const auto old = before.replica(ReplicaId{change.key.id});
        const auto now = record_of<Replica>(change);
        if (!old || !now) break;
        if (old->evict != now->evict) begin_anew(now->workload);
        if (is_terminal(old->phase) || !is_terminal(now->phase)) break;
        last_end_[now->workload] = now_;
        if (!old->is_leaving()) ++calm_[now->workload].ends;
        break;
      }
      case RecordKind::cluster_meta:
      case RecordKind::event:
      case RecordKind::idempotency:
      case RecordKind::secret:
        break;
    }
  }
  if (nodes_changed_ == now_)
    for (auto& [uid, calm] : calm_) calm = Calm{now_, 0, 0};
}

Revision Turnover::calm_since(const WorkloadUid& workload) const {
  const auto calm = calm_.find(workload);
  return calm == calm_.end() ? now_ : calm->second.since;
}

void Turnover::see_birth(const Replica& now, const Workload& workload, Breaches& breaches) {
  born_[now.id] = now_;
  auto& calm = calm_[now.workload];
  if (now_ < calm.since + kUnderWay) return;
  if (++calm.births > most_births(workload.spec) + calm.ends)
    breaches.push_back({"no more is started than could ever be needed",
                        std::to_string(calm.births) + " for " + std::to_string(workload.spec.replicas) +
                            " wanted; the last is " + in_words(now, now_, calm.since)});
}

void Turnover::see_leaving(const Replica& now, const Workload& workload, Breaches& breaches) const {
  const auto born = born_.find(now.id);
  const Revision since = calm_since(now.workload);
  if (born == born_.end() || born->second < since + kUnderWay || workload.deleted) return;
  if (is_for_newcomer(now)) return;
  breaches.push_back(
      {"what was started is not stopped before something has changed", in_words(now, born->second, since)});
}

/// Somebody else's needs changed: a replica was born, or one ended and there was more room.
bool Turnover::is_for_newcomer(const Replica& preempted) const {
  const auto cause = preempted.stop != StopCause::none ? preempted.stop : preempted.withdrawn;
  if (cause != StopCause::preempted) return false;
  const Revision born = born_.at(preempted.id);
  const auto winner = born_.find(*preempted.preempted_for);
  if (winner == born_.end() || winner->second > born) return true;
  return std::any_of(last_end_.begin(), last_end_.end(),
                     [&](const auto& end) { return end.first != preempted.workload && end.second > born; });
}

}  // namespace cloudless::sim
