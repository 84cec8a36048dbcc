#include "actors/scheduler/pass.hpp"

#include <algorithm>
#include <utility>

#include "actors/scheduler/explain.hpp"

namespace cloudless::scheduler {
namespace {

constexpr Millis kExplainEvery = 5000;
constexpr std::size_t kExplainedAtOnce = 100;
/// Nodes times versions that a pass looks at for reasons; what is beyond comes in the next one.
constexpr std::size_t kMostAskedNodes = 20'000;
/// The same for somebody who could be evicted.
constexpr std::size_t kMostSearchedNodes = 20'000;
/// A search that found nobody is not repeated earlier, whatever changes; one that took several batches' worth
/// of nodes, later in proportion.
constexpr Millis kSearchEvery = 1000;

/// So that a reason with figures in it does not keep the store busy.
Millis explain_every(std::size_t replicas) {
  return kExplainEvery * static_cast<Millis>(std::max<std::size_t>(1, replicas / kExplainedAtOnce));
}

std::string replicas(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " replica" : " replicas");
}

/// By a required anti-affinity of its own, wherever it is.
bool keeps_away(const Tenant& tenant, const Demand& demand) {
  const auto& record = tenant.workload->record;
  if (!tenant.ask->guards || !record || record->ns != demand.ns) return false;
  const auto& away = tenant.ask->pod->placement.anti_affinity;
  return std::any_of(away.begin(), away.end(), [&](const AffinityTerm& term) {
    return term.required && !term.workload_selector.empty() && selects(term.workload_selector, demand.labels);
  });
}

}  // namespace

Pass::Pass(Model& model, Compiled& compiled, WaitingList& waiting, const Terms& terms)
    : model_(model),
      compiled_(compiled),
      list_(waiting),
      waiting_(waiting.versions),
      terms_(terms),
      generation_(model.generation()),
      allowance_(model, terms.now, Floors::respected) {}

Pass::~Pass() {
  withdraw_from(0);
}

std::vector<ProposalItem> Pass::run() {
  const auto& pending = model_.pending();
  for (auto next = pending.begin(); next != pending.end() && !full_;) {
    const Pending turn = *next;
    look_at(turn.slot);
    next = pending.upper_bound(turn);  // what was placed is no longer in the list
    full_ = full_ || placed_ >= terms_.limit;
  }
  if (!full_) list_.forget_others(terms_.number);
  std::vector<ProposalItem> items = std::move(assignments_);
  const std::size_t room = terms_.limit - std::min(terms_.limit, placed_);
  const std::size_t reasons = std::min(reasons_.size(), room);
  items.insert(items.end(), reasons_.begin(), reasons_.begin() + static_cast<std::ptrdiff_t>(reasons));
  return items;
}

void Pass::look_at(const ReplicaSlot& slot) {
  const VersionKey version{slot.workload, model_.replica(slot)->version};
  if (is_in_gang(model_, slot)) return look_at_gang(slot, version);
  if (!still_waits(version)) {
    if (const auto best = compiled_.best(slot, terms_.now)) {
      if (relies_on_what_may_not_be(slot)) return keep_for_later(slot, *best);
      assignments_.emplace_back(assume(slot, *best));
      return;
    }
  }
  if (keeps_place(slot)) return;
  if (!still_waits(version)) {
    if (evicts(slot, version)) return;
    note(slot, "");
  }
  tell(slot, waiting_.at(version));
}

/// Its rules towards other replicas may hold here only because somebody is told to stop in this pass, which
/// the owner may refuse, or because a place is kept for somebody who is not there yet. It is placed when that
/// is known.
bool Pass::relies_on_what_may_not_be(const ReplicaSlot& slot) const {
  if (evictions_.empty() && keepers_.empty()) return false;
  const Demand demand = demand_of(model_, slot, terms_.now);
  if (!evictions_.empty() && demand.has_rules_between_replicas()) return true;
  // Who kept it away and is told to stop counts no more, so its own demand does not know of that one.
  if (std::any_of(victims_.begin(), victims_.end(),
                  [&](const ReplicaSlot& victim) { return keeps_away(model_.tenant(victim), demand); }))
    return true;
  if (demand.placement().max_skew && keepers_.contains(slot.workload)) return true;
  return std::any_of(keepers_.begin(), keepers_.end(), [&](const WorkloadUid& keeper) {
    return demand.requires_company_of(model_.workloads().at(keeper));
  });
}

/// Nothing that comes later gets the room; it does not count toward the limit, as it may stay so for long.
void Pass::keep_for_later(const ReplicaSlot& slot, const Pick& pick) {
  model_.assume(slot, pick.node, pick.gpus);
  assumed_.push_back(slot);
  if (!keepers_.empty())
    tell(slot, "would fit on node " + pick.node.value +
                   "; waits for replicas that its rules depend on to stop or start");
}

bool Pass::keeps_place(const ReplicaSlot& slot) {
  const auto kept = kept_place(slot);
  if (!kept) return false;
  reserve(*kept);
  keep(*kept);
  return true;
}

/// On a node where others are stopping, for it or anyway.
std::optional<Pass::Kept> Pass::kept_place(const ReplicaSlot& slot) const {
  const auto& stopping = model_.stopping_for(model_.replica(slot)->id);
  const auto kept = list_.places.find(slot);
  if (stopping.empty() && kept == list_.places.end()) return std::nullopt;
  const Demand demand = demand_of(model_, slot, terms_.now);
  for (const auto& [node, count] : stopping)
    if (auto place = fit_after_stops(demand, node)) return Kept{slot, std::move(*place), count};
  if (kept == list_.places.end()) return std::nullopt;
  auto place = fit_after_stops(demand, kept->second.node);
  if (!place) return std::nullopt;
  return Kept{slot, std::move(*place), 0};
}

/// True: it is settled what becomes of it in this pass.
bool Pass::evicts(const ReplicaSlot& slot, const VersionKey& version) {
  if (!may_search(slot, version)) return false;
  const auto found = search(slot, version);
  if (!found) {
    rest(version, mark());
    return false;
  }
  if (placed_ > 0 && placed_ + found->victims.size() > terms_.limit) {
    full_ = true;
    return true;
  }
  const Kept kept{slot, *found, found->victims.size()};
  reserve(kept);
  for (const auto& victim : kept.place.victims) tell_to_stop(victim, slot);
  keep(kept);
  return true;
}

/// Somebody could go, and there is time to look for who.
bool Pass::may_search(const ReplicaSlot& slot, const VersionKey& version) {
  const auto known = waiting_.find(version);
  if (known != waiting_.end()) known->second.search_again.reset();
  if (!may_evict(model_, slot)) return false;
  if (known != waiting_.end() && known->second.rests_until && terms_.now < *known->second.rests_until) {
    known->second.search_again = *known->second.rests_until;
    return false;
  }
  const auto begun = searches_.find(version);
  const bool is_begun = begun != searches_.end() && !begun->second.search.is_for_one();
  if (!is_begun && searched_nodes_ >= kMostSearchedNodes) {
    waiting_[version].search_again = terms_.now;
    return false;
  }
  return true;
}

/// Nobody was found. `before`: when the turn of the version began.
void Pass::rest(const VersionKey& version, const Mark& before) {
  const auto batches = (searched_nodes_ - before.searched_nodes) / kMostSearchedNodes;
  waiting_[version].rests_until = terms_.now + kSearchEvery * static_cast<Millis>(1 + batches);
}

std::optional<Eviction> Pass::search(const ReplicaSlot& slot, const VersionKey& version) {
  auto known = searches_.find(version);
  if (known != searches_.end() && known->second.search.is_for_one()) {
    searches_.erase(known);
    known = searches_.end();
  }
  if (known == searches_.end()) {
    Search made{EvictionSearch(model_, slot, allowance_, terms_.now), evictions_.size()};
    known = searches_.emplace(version, std::move(made)).first;
    searched_nodes_ += model_.nodes().size();
  }
  auto& [search, seen] = known->second;
  for (; seen < evictions_.size(); ++seen) search.look_again(evictions_[seen]);
  return search.best();
}

/// Its place is taken, and those who go for it count as gone, for all that is looked at later.
void Pass::reserve(const Kept& kept) {
  for (const auto& victim : kept.place.victims) {
    allowance_.take(model_.tenant(victim));
    model_.assume_leaving(victim);
    assumed_.push_back(victim);
    victims_.push_back(victim);
  }
  if (!kept.place.victims.empty()) evictions_.push_back(kept.place.node);
  model_.assume(kept.slot, kept.place.node, kept.place.gpus);
  assumed_.push_back(kept.slot);
}

void Pass::tell_to_stop(const ReplicaSlot& victim, const ReplicaSlot& winner) {
  assignments_.emplace_back(
      StopReplica{model_.replica(victim)->id, StopCause::preempted, model_.replica(winner)->id});
  ++placed_;
}

/// It waits on the node where its place is reserved.
void Pass::keep(const Kept& kept) {
  keepers_.insert(kept.slot.workload);
  if (kept.stopping == 0) list_.places[kept.slot] = {kept.place.node, terms_.number};
  tell(kept.slot, "waits on node " + kept.place.node.value + " for " +
                      (kept.stopping > 0 ? replicas(kept.stopping) + " of lower priority to end"
                                         : std::string("what is stopping there to end")));
}

/// Nothing that could give it a place has happened.
bool Pass::still_waits(const VersionKey& version) const {
  const auto known = waiting_.find(version);
  if (known == waiting_.end()) return false;
  const Waiting& waiting = known->second;
  if (waiting.looked_at != generation_) return false;
  if (waiting.pass == terms_.number) return true;
  if (waiting.search_again && *waiting.search_again <= terms_.now) return false;
  if (waiting.look_again && *waiting.look_again <= terms_.now) return false;
  return waiting.explained_at == generation_ || !explains(waiting, version.first);
}

/// It is time for a reason, and there is time.
bool Pass::explains(const Waiting& waiting, const WorkloadUid& uid) const {
  return waiting.explained_at != generation_ && asked_nodes_ < kMostAskedNodes &&
         terms_.now >= explain_at(waiting, uid);
}

/// There is no place for this one. `before`: what its reason begins with.
void Pass::note(const ReplicaSlot& slot, const std::string& before) {
  const Demand demand = demand_of(model_, slot, terms_.now);
  Waiting& waiting = waiting_[{slot.workload, demand.version}];
  waiting.looked_at = generation_;
  waiting.look_again.reset();
  for (const auto& [node, until] : demand.failed_until)
    waiting.look_again = std::min(waiting.look_again.value_or(until), until);
  // While somebody who could go may be found in the next pass there is no reason to tell.
  const bool undecided =
      waiting.reason.empty() && waiting.search_again && *waiting.search_again <= terms_.now;
  if (!terms_.reasons) waiting.explained_at = generation_;
  if (undecided || !explains(waiting, slot.workload)) return;
  asked_nodes_ += model_.nodes().size();
  waiting.reason = bounded_reason(before + why_nobody_goes(slot) + in_words(explain_unplaced(demand)));
  waiting.explained_at = generation_;
  waiting.explained = terms_.now;
}

/// Who could make room, if only the floors were lower; empty: nobody.
std::string Pass::why_nobody_goes(const ReplicaSlot& slot) {
  const auto found = cheapest_eviction(model_, slot, terms_.now, Floors::ignored);
  if (!found || found->victims.empty()) return {};
  return replicas(found->victims.size()) + " of lower priority on node " + found->node.value +
         " could make room, but the availability of their workloads does not allow it now; ";
}

void Pass::tell(const ReplicaSlot& slot, Waiting& waiting) {
  waiting.pass = terms_.number;
  if (!waiting.reason.empty()) tell(slot, waiting.reason);
  if (waiting.look_again) wake_by(*waiting.look_again);
  if (waiting.search_again) wake_by(*waiting.search_again);
  if (waiting.explained_at != generation_) wake_by(std::max(terms_.now, explain_at(waiting, slot.workload)));
}

void Pass::tell(const ReplicaSlot& slot, const std::string& reason) {
  const auto replica = model_.replica(slot);
  if (replica->reason != reason && reasons_.size() < terms_.limit)
    reasons_.emplace_back(ExplainPending{replica->id, reason});
}

/// When its reason may be worked out anew; at once if it has none.
Millis Pass::explain_at(const Waiting& waiting, const WorkloadUid& uid) const {
  if (waiting.reason.empty()) return 0;
  return waiting.explained + explain_every(model_.workloads().at(uid).pending.size());
}

AssignReplica Pass::assume(const ReplicaSlot& slot, const Pick& pick) {
  const auto revision = model_.nodes().at(pick.node).node->schedulable_revision;
  model_.assume(slot, pick.node, pick.gpus);
  assumed_.push_back(slot);
  ++placed_;
  return {model_.replica(slot)->id, pick.node, revision, pick.gpus};
}

/// Everything that was assumed from this one on.
void Pass::withdraw_from(std::size_t first) {
  for (std::size_t i = first; i < assumed_.size(); ++i) model_.withdraw(assumed_[i]);
  assumed_.resize(first);
}

void Pass::wake_by(Millis at) {
  wake_at_ = std::min(wake_at_.value_or(at), at);
}

}  // namespace cloudless::scheduler
