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

/// So that a reason with figures in it does not keep the store busy.
Millis explain_every(std::size_t replicas) {
  return kExplainEvery * static_cast<Millis>(std::max<std::size_t>(1, replicas / kExplainedAtOnce));
}

std::string of(std::size_t part, std::size_t all) {
  return std::to_string(part) + " of " + std::to_string(all);
}

}  // namespace

Pass::Pass(Model& model, Compiled& compiled, WaitingList& waiting, const Terms& terms)
    : model_(model), compiled_(compiled), waiting_(waiting), terms_(terms), generation_(model.generation()) {}

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
  if (!full_) std::erase_if(waiting_, [&](const auto& entry) { return entry.second.pass != terms_.number; });
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
      assignments_.emplace_back(assume(slot, *best));
      return;
    }
    note(version, demand_of(model_, slot, terms_.now), "");
  }
  tell(slot, waiting_.at(version));
}

void Pass::look_at_gang(const ReplicaSlot& slot, const VersionKey& version) {
  if (!gangs_.insert(version).second) return;
  const Gang gang = gang_of(model_, slot);
  if (waits_for_members(gang, version)) return;
  if (placed_ > 0 && placed_ + gang.members.size() > terms_.limit) {
    full_ = true;
    return;
  }
  if (!still_waits(version)) place(gang, version);
  if (const auto waiting = waiting_.find(version); waiting != waiting_.end())
    for (const auto& member : gang.members) tell(member, waiting->second);
}

bool Pass::waits_for_members(const Gang& gang, const VersionKey& version) {
  const auto known = waiting_.find(version);
  if (gang.is_complete()) {
    if (known != waiting_.end()) known->second.gang_there = 0;
    return false;
  }
  Waiting& waiting = waiting_[version];
  waiting.pass = terms_.number;
  if (waiting.gang_there != gang.there) {
    waiting.gang_there = gang.there;
    waiting.gang_since = terms_.now;
  }
  const Millis until = waiting.gang_since + kGangPatience;
  if (terms_.now >= until) return false;
  wake_by(until);
  return true;
}

void Pass::place(const Gang& gang, const VersionKey& version) {
  const std::size_t before = assumed_.size();
  AssignGang item;
  for (const auto& member : gang.members) {
    if (const auto best = compiled_.best(member, terms_.now)) {
      item.members.push_back(assume(member, *best));
      continue;
    }
    note(version, demand_of(model_, member, terms_.now),
         "all or nothing: " + of(item.members.size(), gang.members.size()) + " would fit; ");
    withdraw_from(before);
    return;
  }
  assignments_.emplace_back(std::move(item));
  waiting_.erase(version);
}

/// Nothing that could give it a place has happened.
bool Pass::still_waits(const VersionKey& version) const {
  const auto known = waiting_.find(version);
  if (known == waiting_.end()) return false;
  const Waiting& waiting = known->second;
  if (waiting.looked_at != generation_) return false;
  if (waiting.look_again && *waiting.look_again <= terms_.now) return false;
  if (waiting.explained_at == generation_) return true;
  return asked_nodes_ >= kMostAskedNodes || terms_.now < explain_at(waiting, version.first);
}

/// There is no place for this one. `before`: what its reason begins with.
Waiting& Pass::note(const VersionKey& version, const Demand& demand, const std::string& before) {
  Waiting& waiting = waiting_[version];
  waiting.looked_at = generation_;
  waiting.look_again.reset();
  for (const auto& [node, until] : demand.failed_until)
    waiting.look_again = std::min(waiting.look_again.value_or(until), until);
  const bool due = waiting.explained_at != generation_ && terms_.now >= explain_at(waiting, demand.workload);
  if (!due || asked_nodes_ >= kMostAskedNodes) return waiting;
  asked_nodes_ += model_.nodes().size();
  waiting.reason = bounded_reason(before + in_words(explain_unplaced(demand)));
  waiting.explained_at = generation_;
  waiting.explained = terms_.now;
  return waiting;
}

void Pass::tell(const ReplicaSlot& slot, Waiting& waiting) {
  waiting.pass = terms_.number;
  const auto replica = model_.replica(slot);
  if (!waiting.reason.empty() && replica->reason != waiting.reason && reasons_.size() < terms_.limit)
    reasons_.emplace_back(ExplainPending{replica->id, waiting.reason});
  if (waiting.look_again) wake_by(*waiting.look_again);
  if (waiting.explained_at != generation_) wake_by(std::max(terms_.now, explain_at(waiting, slot.workload)));
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
  placed_ -= assumed_.size() - first;
  assumed_.resize(first);
}

void Pass::wake_by(Millis at) {
  wake_at_ = std::min(wake_at_.value_or(at), at);
}

}  // namespace cloudless::scheduler
