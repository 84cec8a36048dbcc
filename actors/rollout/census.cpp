#include "actors/rollout/census.hpp"

namespace cloudless::rollout {
namespace {

Indexes& place_of(Census& census, const WorkloadView& view, const ReplicaFact& r) {
  if (is_terminal(r.phase)) return fills_place(view, r) ? census.finished : census.history;
  if (r.leaving) return census.leaving;
  if (r.node == NodeStanding::lost) return census.lost;
  if (r.drained) return census.drained;
  return r.version == view.version ? census.current : census.outdated;
}

}  // namespace

bool fills_place(const WorkloadView& view, const ReplicaFact& r) {
  if (r.leaving || r.version != view.version) return false;
  // What failed before the newest rollout began is history: a rollout tries anew.
  return r.phase == Phase::succeeded || (r.phase == Phase::failed && !r.earlier);
}

Census take_census(const WorkloadView& view, Millis now) {
  Census census{};
  for (std::size_t i = 0; i < view.facts.size(); ++i) {
    place_of(census, view, view.facts[i]).push_back(i);
    census.available += is_available(view, view.facts[i], now) ? 1 : 0;
  }
  return census;
}

}  // namespace cloudless::rollout
