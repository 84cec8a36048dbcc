#include "actors/rollout/reconcile.hpp"

#include <algorithm>
#include <set>

#include "actors/rollout/census.hpp"

namespace cloudless::rollout {
namespace {

using Items = std::vector<ProposalItem>;

/// Grants stops of available replicas down to the floor, in this batch.
class Budget {
 public:
  Budget(const Snapshot& view, const Workload& workload, const Census& census) : view_(view) {
    std::int64_t available = 0;
    for (const auto& r : census.current) available += is_available(view, *r) ? 1 : 0;
    for (const auto& r : census.outdated) available += is_available(view, *r) ? 1 : 0;
    left_ = available -
            static_cast<std::int64_t>(bounds_of(workload.spec.rollout, workload.spec.replicas).min_available);
  }
  /// What does not serve may always be stopped.
  bool grant(const Replica& replica) {
    if (!is_available(view_, replica)) return true;
    if (left_ <= 0) return false;
    --left_;
    return true;
  }

 private:
  const Snapshot& view_;
  std::int64_t left_ = 0;
};

/// Those that serve least go first, then the newest.
std::vector<ReplicaPtr> least_useful_first(const Snapshot& view, std::vector<ReplicaPtr> replicas) {
  const auto use = [&](const ReplicaPtr& r) {
    if (is_available(view, *r)) return 3;
    if (is_in_doubt(view, *r)) return 2;
    return r->phase == Phase::running ? 1 : 0;
  };
  std::sort(replicas.begin(), replicas.end(), [&](const ReplicaPtr& a, const ReplicaPtr& b) {
    const int ua = use(a), ub = use(b);
    return ua != ub ? ua < ub : a->ordinal > b->ordinal;
  });
  return replicas;
}

void stop_all(const std::vector<ReplicaPtr>& replicas, StopCause cause, Items& items) {
  for (const auto& r : replicas) items.emplace_back(StopReplica{r->id, cause});
}

void add_missing(const Workload& workload, std::int64_t count, Items& items) {
  if (count <= 0) return;
  const auto added = static_cast<std::uint32_t>(std::min<std::int64_t>(count, kMaxAdded));
  items.emplace_back(AddReplicas{workload.uid, workload.version, workload.next_ordinal, added});
}

/// Replicas of a lost node stay, in case it returns, until others have started in their place.
void give_up_lost(const Snapshot& view, const Workload& workload, const Census& census, Items& items) {
  std::size_t started = census.finished.size();
  for (const auto& r : census.current)
    started += r->phase == Phase::running && !is_in_doubt(view, *r) ? 1 : 0;
  for (const auto& r : census.outdated)
    started += r->phase == Phase::running && !is_in_doubt(view, *r) ? 1 : 0;
  const std::size_t wanted = workload.spec.replicas;
  const std::size_t kept = started >= wanted ? 0 : wanted - started;
  const bool keep_old = workload.spec.rollout.strategy != RolloutStrategy::recreate;
  auto lost = census.lost;
  std::stable_sort(lost.begin(), lost.end(), [&](const ReplicaPtr& a, const ReplicaPtr& b) {
    const bool ca = a->version == workload.version, cb = b->version == workload.version;
    return ca != cb ? ca : a->ordinal < b->ordinal;
  });
  for (std::size_t i = 0; i < lost.size(); ++i)
    if (i >= kept || (!keep_old && lost[i]->version != workload.version))
      items.emplace_back(StopReplica{lost[i]->id, StopCause::node_lost});
  // Nobody waits for the last word of what was told to stop on a node that is away.
  for (const auto& r : census.stopping)
    if (on_lost_node(view, *r)) items.emplace_back(StopReplica{r->id, StopCause::node_lost});
}

/// What failed for good under ALWAYS is not replaced, but never makes one that runs a surplus.
std::size_t filling_a_place(const Workload& workload, const Census& census) {
  const bool runs_to_completion = workload.spec.pod.restart.mode != RestartMode::always;
  return census.current.size() + (runs_to_completion ? census.finished.size() : 0);
}

void stop_surplus(const Snapshot& view, const Workload& workload, const Census& census, Budget& budget,
                  Items& items) {
  const std::size_t have = filling_a_place(workload, census);
  if (have <= workload.spec.replicas) return;
  std::size_t surplus = std::min(have - workload.spec.replicas, census.current.size());
  for (const auto& r : least_useful_first(view, census.current)) {
    if (surplus == 0) return;
    --surplus;
    if (budget.grant(*r)) items.emplace_back(StopReplica{r->id, StopCause::scale});
  }
}

void roll(const Snapshot& view, const Workload& workload, const Census& census, Items& items) {
  Budget budget(view, workload, census);
  // A replica in doubt may serve again in a moment: it goes when its node's state is known.
  for (const auto& r : least_useful_first(view, census.outdated))
    if (!is_in_doubt(view, *r) && budget.grant(*r))
      items.emplace_back(StopReplica{r->id, StopCause::rollout});
  stop_surplus(view, workload, census, budget, items);

  const auto wanted = static_cast<std::int64_t>(workload.spec.replicas);
  const auto have = static_cast<std::int64_t>(census.current.size() + census.finished.size());
  const auto room = wanted + bounds_of(workload.spec.rollout, workload.spec.replicas).max_surge - have -
                    static_cast<std::int64_t>(census.outdated.size());
  add_missing(workload, std::min(wanted - have, room), items);
}

/// Nothing new starts before everything old has ended; what is old on a lost node is given up at once.
void recreate(const Snapshot& view, const Workload& workload, const Census& census, Items& items) {
  const auto is_old = [&](const ReplicaPtr& r) { return r->version != workload.version; };
  stop_all(census.outdated, StopCause::recreate, items);
  const bool old_ones = !census.outdated.empty() ||
                        std::any_of(census.lost.begin(), census.lost.end(), is_old) ||
                        std::any_of(census.stopping.begin(), census.stopping.end(), is_old);
  Budget budget(view, workload, census);
  stop_surplus(view, workload, census, budget, items);
  if (old_ones) return;
  const auto have = static_cast<std::int64_t>(census.current.size() + census.finished.size());
  add_missing(workload, static_cast<std::int64_t>(workload.spec.replicas) - have, items);
}

/// Keeps what counts as wanted and the newest few of the rest.
void forget_history(const Workload& workload, const Census& census, Items& items) {
  auto history = census.history;
  for (std::size_t i = workload.spec.replicas; i < census.finished.size(); ++i)
    history.push_back(census.finished[i]);
  if (history.size() <= kKeptHistory) return;
  std::sort(history.begin(), history.end(),
            [](const ReplicaPtr& a, const ReplicaPtr& b) { return a->ordinal < b->ordinal; });
  for (std::size_t i = 0; i + kKeptHistory < history.size(); ++i)
    items.emplace_back(ForgetReplica{history[i]->id});
}

void forget_versions(const Snapshot& view, const Workload& workload, Items& items) {
  std::set<std::uint64_t> used{workload.version};
  for (const auto& r : view.replicas_of(workload.uid)) used.insert(r->version);
  for (const auto& v : view.versions_of(workload.uid))
    if (!used.contains(v->number)) items.emplace_back(ForgetVersion{workload.uid, v->number});
}

/// The tombstone stays until every agent has confirmed, or its node is gone for good.
void wind_up(const Snapshot& view, const Workload& workload, Items& items) {
  const auto replicas = view.replicas_of(workload.uid);
  for (const auto& r : replicas) {
    if (is_terminal(r->phase))
      items.emplace_back(ForgetReplica{r->id});
    else if (!r->node.empty() && !view.node(r->node))
      items.emplace_back(StopReplica{r->id, StopCause::node_lost});
    else if (!r->stop_requested())
      items.emplace_back(StopReplica{r->id, StopCause::deleted});
  }
  if (replicas.empty()) items.emplace_back(ForgetWorkload{workload.uid});
}

}  // namespace

std::vector<ProposalItem> reconcile(const Snapshot& view, const Workload& workload) {
  Items items;
  if (workload.deleted) {
    wind_up(view, workload, items);
    return items;
  }
  const Census census = take_census(view, workload);
  if (workload.spec.rollout.strategy == RolloutStrategy::recreate)
    recreate(view, workload, census, items);
  else
    roll(view, workload, census, items);
  give_up_lost(view, workload, census, items);
  forget_history(workload, census, items);
  forget_versions(view, workload, items);
  return items;
}

}  // namespace cloudless::rollout
