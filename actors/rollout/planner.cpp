#include "actors/rollout/planner.hpp"

#include <algorithm>
#include <array>

namespace cloudless::rollout {

Planner::Planner(const WorkloadView& view, Census& census, Millis now, Alarm& alarm, Step& out)
    : view_(view), census_(census), now_(now), alarm_(alarm), out_(out), available_(census.available) {}

void Planner::start(std::uint64_t version, Count count) {
  if (count <= 0) return;
  if (!out_.starts.empty() && out_.starts.back().version == version)
    out_.starts.back().count += static_cast<std::uint32_t>(count);
  else
    out_.starts.push_back({version, static_cast<std::uint32_t>(count)});
}

void Planner::stop(std::size_t replica, StopCause cause) {
  out_.stops.push_back({replica, cause});
  if (available(replica)) --available_;
  --total_;
}

bool Planner::stop_above(std::size_t replica, StopCause cause, Count floor) {
  if (in_doubt(replica) || (available(replica) && available_ - 1 < floor)) return false;
  stop(replica, cause);
  return true;
}

Indexes Planner::least_useful_first(const Indexes& list, bool unproven_first) const {
  std::array<Indexes, 10> ranks;
  for (auto i = list.rbegin(); i != list.rend(); ++i) {
    const ReplicaFact& r = fact(*i);
    int rank = r.phase == Phase::running ? 1 : 0;
    if (available(*i))
      rank = 4;
    else if (is_good(view_, r, now_))
      rank = 3;
    else if (in_doubt(*i))
      rank = 2;
    ranks[unproven_first && r.proven ? rank + 5 : rank].push_back(*i);
  }
  Indexes out;
  out.reserve(list.size());
  for (const auto& rank : ranks) out.insert(out.end(), rank.begin(), rank.end());
  return out;
}

Planner::Count Planner::goal() const {
  if (view_.is_frozen()) return std::min(wanted(), current() + finished());
  return view_.is_canary() ? canary_size(*view_.policy.canary, view_.replicas) : wanted();
}

std::uint64_t Planner::fill_version() const {
  // What ran to completion under an earlier version would be started for ever; what does not serve fills
  // nothing.
  if (view_.runs_to_completion || view_.serving_version == view_.version) return view_.version;
  // RECREATE never mixes versions.
  const bool begun = view_.policy.strategy == RolloutStrategy::recreate && current() + finished() > 0;
  if (begun) return view_.version;
  const bool usable = view_.rollout && view_.from_proven;
  return usable ? view_.rollout->from_version : view_.version;
}

bool Planner::gate_is_open() const {
  if (census_.outdated.empty()) return true;
  Millis last = 0;
  for (const std::size_t i : census_.current) {
    if (!available(i)) return false;
    last = std::max(last, fact(i).ready_at + view_.policy.min_ready);
  }
  return last == 0 || view_.policy.pause_duration == 0 || alarm_.is_due(last + view_.policy.pause_duration);
}

bool Planner::lacks_room() const {
  return std::any_of(census_.current.begin(), census_.current.end(),
                     [&](std::size_t i) { return fact(i).unplaceable; });
}

void Planner::rolling_update() {
  serve_all_again();
  keep_count(gate_is_open());
}

/// Without BLUE_GREEN every version serves; replicas that were kept for a way back end first.
void Planner::serve_all_again() {
  if (view_.serving_version == 0) return;
  if (view_.serving_version != view_.version || (census_.outdated.empty() && census_.moving.empty()))
    out_.switch_to = 0;
}

void Planner::keep_count(bool gate) {
  total_ = current() + finished() + outdated() + moving();
  const Count surge = start_missing_and_surge(gate);
  stop_moving();
  if (view_.is_frozen()) return stop_surplus_while_frozen();
  stop_outdated(gate, surge);
  stop_surplus();
}

/// Returns how many are started above what is missing.
Planner::Count Planner::start_missing_and_surge(bool gate) {
  const Count have = current() + finished();
  const Count others = std::max<Count>(0, wanted() - std::max(goal(), have));
  const Count lacking = std::max<Count>(0, goal() - have);
  const bool done_is_missing = view_.runs_to_completion && view_.is_active();
  const Count lacking_others = done_is_missing ? 0 : std::max<Count>(0, others - outdated());
  const Count missing = std::max<Count>(0, wanted() - total_);
  const Count room = std::max<Count>(0, wanted() + view_.bounds.max_surge - total_ - missing);

  Count surge = room;
  if (outdated() > others) {
    // A batch at a time; but what has to move is replaced also while a batch is under way.
    const Count batch = gate ? std::max<Count>(0, Count{view_.bounds.batch} - missing) : 0;
    const Count under_way = std::count_if(census_.current.begin(), census_.current.end(),
                                          [&](std::size_t i) { return !available(i); });
    surge = std::min(room, std::max(batch, moving() - under_way));
  }
  const Count count = std::min(lacking + lacking_others, missing + std::max<Count>(0, surge));
  start(view_.version, std::min(count, lacking));
  start(fill_version(), count - std::min(count, lacking));
  return std::max<Count>(0, count - missing);
}

void Planner::stop_moving() {
  for (const std::size_t i : least_useful_first(census_.moving))
    stop_above(i, fact(i).move.cause, view_.bounds.min_available);
}

void Planner::stop_outdated(bool gate, Count surge) {
  const Count have = current() + finished();
  const Count others = std::max<Count>(0, wanted() - std::max(goal(), have));
  Count left = outdated() - others;
  // Surge first; fewer than wanted only where that was asked for, or where nothing else is possible.
  const bool absence = view_.bounds.max_surge == 0 || view_.policy.max_unavailable || lacks_room();
  const Count kept = wanted() - finished() - (absence ? Count{view_.bounds.max_unavailable} : 0);
  const Count floor = std::max<Count>(view_.bounds.min_available, kept);
  Count opening = gate ? std::min(Count{view_.bounds.batch}, std::max<Count>(0, goal() - have)) - surge : 0;

  for (const std::size_t i : least_useful_first(census_.outdated, true)) {
    const bool never_was = !available(i) && !fact(i).proven;
    // What never worked also makes room for what replaces the moving ones.
    if (left + (never_was ? moving() : 0) <= 0) return;
    const bool completes = total_ > wanted();
    if (!never_was && !completes && opening <= 0) continue;
    if (!stop_above(i, StopCause::rollout, floor)) continue;
    --left;
    if (!never_was && !completes) --opening;
  }
}

/// What failed for good under ALWAYS is not replaced, but never makes one that runs a surplus. Nor does what
/// fills the place of another version because that is no way back.
void Planner::stop_surplus() {
  const Count places = current() + (view_.runs_to_completion ? finished() : 0);
  const Count idle = view_.runs_to_completion ? 0 : finished();
  const bool fills_others = fill_version() == view_.version;
  const Count own = fills_others ? std::max(goal(), wanted() - outdated()) : goal();
  Count surplus = std::min(places - own, total_ - idle - wanted());
  for (const std::size_t i : least_useful_first(census_.current)) {
    if (surplus-- <= 0) return;
    stop_above(i, StopCause::scale, view_.bounds.min_available);
  }
}

/// What was started above the wanted number for a rollout that now stands still is left alone. What has to
/// move does not count: its replacement would be stopped as soon as it is made.
void Planner::stop_surplus_while_frozen() {
  const Count done = view_.runs_to_completion ? finished() : 0;
  Count surplus =
      current() + outdated() + done - wanted() - std::min<Count>(view_.bounds.max_surge, current());
  Indexes all;
  std::merge(census_.current.begin(), census_.current.end(), census_.outdated.begin(), census_.outdated.end(),
             std::back_inserter(all));
  for (const std::size_t i : least_useful_first(all)) {
    if (surplus-- <= 0) return;
    stop_above(i, StopCause::scale, view_.bounds.min_available);
  }
}

void Planner::give_up_lost() {
  Count started = finished();
  for (const Indexes* list : {&census_.current, &census_.outdated, &census_.moving})
    for (const std::size_t i : *list) started += fact(i).phase == Phase::running && !in_doubt(i) ? 1 : 0;
  give_up(census_.lost, started);
  // Nobody waits for the last word of what was told to stop on a node that is away.
  for (const std::size_t i : census_.leaving)
    if (fact(i).node == NodeStanding::lost) out_.stops.push_back({i, StopCause::node_lost});
}

void Planner::give_up(Indexes lost, Count started) {
  const bool keep_old = view_.policy.strategy != RolloutStrategy::recreate;
  std::stable_sort(lost.begin(), lost.end(),
                   [&](std::size_t a, std::size_t b) { return is_current(a) && !is_current(b); });
  Count kept = std::max<Count>(0, wanted() - started);
  for (const std::size_t i : lost)
    if (kept-- <= 0 || (!keep_old && !is_current(i))) out_.stops.push_back({i, StopCause::node_lost});
}

/// Nothing new starts before everything old has ended; what is old on a lost node is given up at once.
void Planner::recreate() {
  serve_all_again();
  const bool goes_on = !view_.is_frozen();
  const std::uint64_t starting = goes_on ? view_.version : fill_version();
  const bool others_live = std::any_of(view_.facts.begin(), view_.facts.end(), [&](const ReplicaFact& r) {
    return !is_terminal(r.phase) && r.version != starting;
  });
  if (!others_live) {
    if (starting == view_.version) return keep_count(true);
    total_ = outdated() + moving();
    start(starting, wanted() - total_);
    stop_moving();
    return stop_surplus_while_frozen();
  }
  total_ = current() + finished() + outdated() + moving();
  if (!goes_on) return stop_surplus_while_frozen();
  for (const Indexes* list : {&census_.outdated, &census_.moving})
    for (const std::size_t i : *list)
      if (!is_current(i)) stop(i, StopCause::recreate);
  stop_surplus();
}

Indexes Planner::take(Indexes& from, bool (*which)(const WorkloadView&, const ReplicaFact&)) {
  const auto first =
      std::stable_partition(from.begin(), from.end(), [&](std::size_t i) { return !which(view_, fact(i)); });
  Indexes taken(first, from.end());
  from.erase(first, from.end());
  return taken;
}

void Planner::blue_green() {
  // Neither current nor serving: what an older rollout left.
  const auto is_idle = [](const WorkloadView& view, const ReplicaFact& r) {
    return r.version != view.version && view.serving_version != 0 && r.version != view.serving_version;
  };
  Indexes idle = take(census_.outdated, is_idle);
  const Indexes idle_moving = take(census_.moving, is_idle);
  const bool window_is_open = view_.rollout && view_.rollout->switched_at != 0 &&
                              !alarm_.is_due(view_.rollout->switched_at + view_.policy.switch_back_window);
  for (const std::size_t i : idle)
    if (!window_is_open || fact(i).version != view_.rollout->from_version) stop(i, StopCause::rollout);
  for (const std::size_t i : idle_moving) stop(i, fact(i).move.cause);
  if (census_.outdated.empty() && (view_.serving_version == 0 || view_.serving_version == view_.version))
    return keep_count(true);
  keep_blue();
  prepare_green();
}

/// The set that serves keeps its number until the switch.
void Planner::keep_blue() {
  const auto is_blue = [](const WorkloadView& view, const ReplicaFact& r) {
    return r.version != view.version;
  };
  Indexes leaving = take(census_.moving, is_blue);
  const Count have = outdated();
  total_ = have + static_cast<Count>(leaving.size());
  const bool alone = view_.serving_version != 0;
  if (alone ? view_.serving_proven : view_.rollout && view_.from_proven)
    start(alone ? view_.serving_version : view_.rollout->from_version,
          std::min(wanted() - have, wanted() + view_.bounds.max_surge - total_));
  for (const std::size_t i : least_useful_first(leaving))
    stop_above(i, fact(i).move.cause, view_.bounds.min_available);
  // What has to move is not too much: its replacement would be stopped as soon as it is made.
  Count surplus = have - wanted();
  for (const std::size_t i : least_useful_first(census_.outdated)) {
    // What never worked is no way back.
    const bool never_was = !available(i) && !fact(i).proven && !view_.is_frozen();
    if (never_was)
      stop_above(i, StopCause::rollout, view_.bounds.min_available);
    else if (surplus > 0)
      stop_above(i, StopCause::scale, view_.bounds.min_available);
    --surplus;
  }
}

/// The new set grows to its full number beside the one that serves, then serves in its place.
void Planner::prepare_green() {
  for (const std::size_t i : census_.moving) stop_above(i, fact(i).move.cause, view_.bounds.min_available);
  const Count have = current() + finished();
  Count surplus = have - wanted();
  for (const std::size_t i : least_useful_first(census_.current)) {
    if (surplus-- <= 0) break;
    stop_above(i, StopCause::scale, view_.bounds.min_available);
  }
  // What is stopped now must not be counted on.
  if ((have > wanted() && current() > 0) || (view_.is_active() && view_.rollout->paused)) return;
  Count good = 0;
  for (const std::size_t i : census_.finished) good += fact(i).phase == Phase::succeeded ? 1 : 0;
  for (const std::size_t i : census_.current) good += is_good(view_, fact(i), now_) ? 1 : 0;
  if (good >= wanted())
    out_.switch_to = view_.version;
  else if (!view_.is_frozen())
    start(view_.version, wanted() - have - moving());
}

}  // namespace cloudless::rollout
