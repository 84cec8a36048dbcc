// The turn of a gang in a pass: all of its members get places, or each of them has one once others have ended
// who stop for them, or nothing happens.
#include <algorithm>
#include <tuple>
#include <utility>

#include "actors/scheduler/pass.hpp"

namespace cloudless::scheduler {
namespace {

std::string of(std::size_t part, std::size_t all) {
  return std::to_string(part) + " of " + std::to_string(all);
}

}  // namespace

void Pass::look_at_gang(const ReplicaSlot& slot, const VersionKey& version) {
  if (!gangs_.insert(version).second) return;
  const Gang gang = gang_of(model_, slot);
  if (waits_for_members(gang, version)) return;
  if (placed_ > 0 && placed_ + gang.members.size() > terms_.limit) {
    full_ = true;
    return;
  }
  if (!still_waits(version) && is_settled(gang, version)) return;
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
  if (waiting.gang_there != gang.there) {
    waiting.gang_there = gang.there;
    waiting.gang_since = terms_.now;
  }
  const Millis until = waiting.gang_since + kGangPatience;
  if (terms_.now >= until) return false;
  waiting.pass = terms_.number;
  wake_by(until);
  return true;
}

/// Nothing is left to be said of it in this pass.
bool Pass::is_settled(const Gang& gang, const VersionKey& version) {
  const Mark before = mark();
  const bool sure = !relies_on_what_may_not_be(gang.members.front());
  AssignGang item;
  std::vector<Kept> kept;
  for (const auto& member : gang.members) {
    if (const auto best = compiled_.best(member, terms_.now)) {
      item.members.push_back(assume(member, *best));
    } else if (auto place = place_after_stops(member, version, before)) {
      reserve(*place);
      kept.push_back(std::move(*place));
    } else {
      note(member, "all or nothing: " + of(item.members.size() + kept.size(), gang.members.size()) +
                       (kept.empty() ? " would fit; " : " would fit, some of them once others have ended; "));
      go_back_to(before);
      return false;
    }
  }
  placed_ = before.placed;
  if (kept.empty()) {
    if (sure) {
      placed_ += item.members.size();
      assignments_.emplace_back(std::move(item));
    }
  } else {
    spare(kept, before);
    if (before.placed > 0 && before.placed + victims_.size() - before.victims > terms_.limit) {
      full_ = true;
      go_back_to(before);
      return true;
    }
    wait_for_stops(item, kept);
  }
  // It has no reason to wait any more; that its missing members were waited for long enough stays so.
  if (const auto known = waiting_.find(version); known != waiting_.end()) {
    Waiting next;
    next.gang_there = known->second.gang_there;
    next.gang_since = known->second.gang_since;
    next.pass = terms_.number;
    known->second = std::move(next);
  }
  return true;
}

/// Where it fits once others have ended: who are stopping, or whom it may evict.
std::optional<Pass::Kept> Pass::place_after_stops(const ReplicaSlot& slot, const VersionKey& version,
                                                  const Mark& before) {
  if (auto kept = kept_place(slot)) return kept;
  // A search that is begun goes on: a gang is settled in one pass or not at all.
  if (!searches_.contains(version) && !may_search(slot, version)) return std::nullopt;
  if (auto found = search(slot, version)) {
    const auto stopping = found->victims.size();
    return Kept{slot, std::move(*found), stopping};
  }
  rest(version, before);
  return std::nullopt;
}

/// Victims are taken for one member after another, and the later ones may make room for earlier members too:
/// lets those stay that the gang as a whole can spare, the highest priority first. Where rules between
/// replicas reach beyond a node, each member's own victims are left as they were found.
void Pass::spare(std::vector<Kept>& kept, const Mark& before) {
  if (kept.size() < 2 || demand_of(model_, kept.front().slot, terms_.now).has_rules_between_replicas())
    return;
  std::vector<ReplicaSlot> victims(victims_.begin() + static_cast<std::ptrdiff_t>(before.victims),
                                   victims_.end());
  const auto worth = [&](const ReplicaSlot& victim) {
    return std::tuple(-std::int64_t{model_.tenant(victim).workload->record->spec.priority}, victim);
  };
  std::sort(victims.begin(), victims.end(),
            [&](const ReplicaSlot& a, const ReplicaSlot& b) { return worth(a) < worth(b); });
  for (const auto& victim : victims) {
    if (model_.tenant(victim).ask->guards || !can_be_spared(victim, kept)) continue;
    allowance_.give_back(model_.tenant(victim));
    std::erase(assumed_, victim);
    std::erase(victims_, victim);
    for (auto& one : kept) one.stopping -= std::erase(one.place.victims, victim);
  }
}

/// True: those whose places are on its node fit beside it or on another of the gang's nodes, and have these
/// places then.
bool Pass::can_be_spared(const ReplicaSlot& victim, std::vector<Kept>& kept) {
  const NodeId node = model_.tenant(victim).replica->node;
  std::vector<NodeId> nodes{node};
  std::vector<Kept*> moved;
  for (auto& one : kept) {
    if (std::find(nodes.begin(), nodes.end(), one.place.node) == nodes.end()) nodes.push_back(one.place.node);
    if (one.place.node == node) moved.push_back(&one);
  }
  for (const auto* one : moved) model_.withdraw(one->slot);
  model_.withdraw(victim);
  std::vector<Eviction> places;
  for (const auto* one : moved) {
    const Demand demand = demand_of(model_, one->slot, terms_.now);
    std::optional<Eviction> place;
    for (std::size_t i = 0; i < nodes.size() && !place; ++i) place = fit_after_stops(demand, nodes[i]);
    if (!place) break;
    model_.assume(one->slot, place->node, place->gpus);
    places.push_back(std::move(*place));
  }
  const bool spared = places.size() == moved.size();
  if (!spared) {
    for (std::size_t i = 0; i < places.size(); ++i) model_.withdraw(moved[i]->slot);
    model_.assume_leaving(victim);
  }
  for (std::size_t i = 0; i < moved.size(); ++i) {
    Eviction& place = moved[i]->place;
    if (spared) {
      place.node = places[i].node;
      place.gpus = std::move(places[i].gpus);
    } else {
      model_.assume(moved[i]->slot, place.node, place.gpus);
    }
  }
  return spared;
}

/// Nobody of it is placed before all can be.
void Pass::wait_for_stops(const AssignGang& others, const std::vector<Kept>& kept) {
  for (const auto& one : kept) {
    for (const auto& victim : one.place.victims) tell_to_stop(victim, one.slot);
    keep(one);
  }
  for (const auto& member : others.members)
    if (const auto slot = slot_of(member.replica))
      tell(*slot, "would fit on node " + member.node.value +
                      "; waits with the others of its gang until those have ended who stop for them");
}

/// As if nothing had been looked at since.
void Pass::go_back_to(const Mark& mark) {
  for (std::size_t i = mark.victims; i < victims_.size(); ++i)
    allowance_.give_back(model_.tenant(victims_[i]));
  withdraw_from(mark.assumed);
  victims_.resize(mark.victims);
  evictions_.resize(mark.evictions);
  std::erase_if(searches_, [&](const auto& entry) { return entry.second.evictions > mark.evictions; });
  placed_ = mark.placed;
}

}  // namespace cloudless::scheduler
