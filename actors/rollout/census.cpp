#include "actors/rollout/census.hpp"

#include <algorithm>

namespace cloudless::rollout {
namespace {

Indexes& place_of(Census& census, const WorkloadView& view, const ReplicaFact& r, Millis now) {
  if (is_terminal(r.phase)) return fills_place(view, r) ? census.finished : census.history;
  if (r.leaving) return census.leaving;
  if (r.node == NodeStanding::lost) return census.lost;
  if (r.move.is_due(now)) return census.moving;
  if (r.move.cause != StopCause::none)
    census.next_move = std::min(r.move.from, census.next_move.value_or(r.move.from));
  return r.version == view.version ? census.current : census.outdated;
}

}  // namespace

bool fills_place(const WorkloadView& view, const ReplicaFact& r) {
  if (r.leaving || r.version != view.version) return false;
  // What failed before the newest rollout began is history: a rollout tries anew.
  return r.phase == Phase::succeeded || (r.phase == Phase::failed && !r.earlier);
}

Census take_census(const WorkloadView& view, Millis now) {
  Census census;
  census.is_available.resize(view.facts.size());
  for (std::size_t i = 0; i < view.facts.size(); ++i) {
    const ReplicaFact& r = view.facts[i];
    place_of(census, view, r, now).push_back(i);
    if (r.version == view.version)
      census.newest_first_ready = std::max(census.newest_first_ready, r.first_ready_at);
    if (is_available(view, r, now)) {
      census.is_available[i] = true;
      ++census.available;
    } else if (const Millis at = r.ready_at + view.policy.min_ready;
               r.phase == Phase::running && r.ready && !r.leaving && at > now) {
      census.next_good = std::min(at, census.next_good.value_or(at));
    }
  }
  return census;
}

}  // namespace cloudless::rollout
