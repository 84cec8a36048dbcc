#include "actors/rollout/step_world.test.hpp"

#include <sstream>

namespace cloudless::rollout::test {

StepWorld::StepWorld(std::uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15u + 1) {
  machines_.resize(1 + pick(5));
  versions_.resize(1);
  view_.replicas = static_cast<std::uint32_t>(one_in(3) ? pick(51) : pick(7));
  view_.runs_to_completion = one_in(10);
  choose_policy();
  make_version();
  view_.version = 1;
  view_.rollout = RolloutFact{};
  view_.rollout->started_at = view_.rollout->progress_from = view_.rollout->mark = now_;
}

std::uint64_t StepWorld::pick(std::uint64_t n) {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return (random_ >> 11) % n;
}

IntOrPercent StepWorld::amount() {
  return one_in(2) ? IntOrPercent{static_cast<std::uint32_t>(pick(101)), true}
                   : IntOrPercent{static_cast<std::uint32_t>(pick(5)), false};
}

void StepWorld::choose_policy() {
  RolloutPolicy p;
  p.strategy = static_cast<RolloutStrategy>(std::max<std::uint64_t>(1, pick(5) == 0 ? 2 : pick(4)));
  if (p.strategy == static_cast<RolloutStrategy>(3) && one_in(2))
    p.strategy = RolloutStrategy::rolling_update;
  if (p.strategy == RolloutStrategy::blue_green && view_.runs_to_completion)
    p.strategy = RolloutStrategy::rolling_update;
  if (one_in(2)) p.max_surge = amount();
  if (one_in(2)) p.max_unavailable = amount();
  if (one_in(3)) p.min_available = static_cast<std::uint32_t>(pick(view_.replicas + 2));
  p.min_ready = one_in(3) ? 5 : 0;
  p.pause_duration = one_in(3) ? 12 : 0;
  p.progress_deadline = 200;
  p.ready_timeout = 60;
  p.auto_rollback = !one_in(3);
  p.switch_back_window = one_in(2) ? 0 : 70;
  if (p.strategy == RolloutStrategy::rolling_update && one_in(4)) {
    p.canary = Canary{amount(), std::nullopt};
    if (one_in(2)) p.canary->promote_after = 20;
  }
  view_.policy = p;
  bound();
}

void StepWorld::bound() {
  view_.bounds = bounds_of(view_.policy, view_.replicas);
}

void StepWorld::make_version() {
  const auto kind = pick(6);
  versions_.push_back({kind < 3 ? Nature::good : static_cast<Nature>(kind - 2), false});
}

void StepWorld::begin(std::uint64_t to, RolloutCause cause) {
  RolloutFact r;
  r.cause = cause;
  r.from_version = view_.version;
  r.started_at = r.progress_from = r.mark = now_;
  serve_at_begin();
  view_.rollout = r;
  view_.version = to;
  for (auto& f : view_.facts) f.earlier = true;
  refresh();
}

/// As actors/workload_state does it.
void StepWorld::serve_at_begin() {
  if (view_.policy.strategy != RolloutStrategy::blue_green) view_.serving_version = 0;
  if (view_.policy.strategy != RolloutStrategy::blue_green || view_.serving_version != 0) return;
  std::uint64_t only = 0;
  for (const auto& r : view_.facts) {
    if (r.phase != Phase::running || !r.ready || r.leaving || r.version == only) continue;
    if (only != 0) return;
    only = r.version;
  }
  view_.serving_version = only;
}

/// What view_of() would have found out.
void StepWorld::refresh() {
  view_.from_proven = view_.rollout->from_version != 0 && versions_[view_.rollout->from_version].proven;
  view_.serving_proven = versions_[view_.serving_version].proven;
  view_.last_proven = 0;
  for (std::uint64_t v = 1; v < versions_.size(); ++v)
    if (versions_[v].proven && v != view_.version) view_.last_proven = v;
  for (std::size_t i = 0; i < view_.facts.size(); ++i) {
    auto& f = view_.facts[i];
    f.proven = versions_[f.version].proven;
    f.node = where_[i] < 0 ? NodeStanding::none : machines_[where_[i]].standing;
    if (f.move.cause != StopCause::rebalance) f.move = move_at(where_[i]);
  }
}

Move StepWorld::move_at(int where) const {
  if (where < 0 || machines_[where].standing == NodeStanding::lost) return {};
  const auto& machine = machines_[where];
  if (machine.drained) return {StopCause::drain, 0};
  return machine.tainted_from != 0 ? Move{StopCause::taint, machine.tainted_from} : Move{};
}

/// Ended replicas are forgotten, but for what fills a place.
void StepWorld::prune() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < view_.facts.size(); ++i) {
    const auto& f = view_.facts[i];
    const bool ended = is_terminal(f.phase);
    const bool fills = !f.leaving && f.version == view_.version && f.phase <= Phase::failed &&
                       !(f.phase == Phase::failed && f.earlier);
    if (ended && !fills && !one_in(4)) continue;
    view_.facts[kept] = f;
    where_[kept++] = where_[i];
  }
  view_.facts.resize(kept);
  where_.resize(kept);
}

void StepWorld::event() {
  now_ += static_cast<Millis>(one_in(20) ? pick(300) : pick(8));
  if (wake_ && *wake_ > now_ && one_in(3)) now_ = *wake_;
  const auto what = pick(16);
  if (what == 0) people();
  if (what == 1) machines();
  if (what > 1) agents(false);
  if (one_in(8)) prune();
  refresh();
}

void StepWorld::people() {
  auto& rollout = *view_.rollout;
  switch (pick(9)) {
    case 0:
    case 1:
      make_version();
      return begin(versions_.size() - 1, one_in(2) ? RolloutCause::updated : RolloutCause::restarted);
    case 2:
      rollout.paused = rollout.state == RolloutState::active;
      return;
    case 3:
      if (rollout.paused) rollout.progress_from = now_;
      rollout.paused = false;
      return;
    case 4:
      view_.replicas = static_cast<std::uint32_t>(one_in(3) ? pick(51) : pick(7));
      return bound();
    case 5:
      if (view_.is_canary()) {
        rollout.promoted = true;
        rollout.progress_from = now_;
      }
      return;
    case 6:
      return choose_policy();
    case 7:
      return ask_to_move();
    default:
      if (view_.last_proven != 0)
        begin(view_.last_proven, one_in(2) ? RolloutCause::undone : RolloutCause::aborted);
  }
}

void StepWorld::ask_to_move() {
  for (std::size_t i = 0; i < view_.facts.size(); ++i)
    if (alive(view_.facts[i]) && where_[i] >= 0 && one_in(3)) view_.facts[i].move = {StopCause::rebalance, 0};
}

void StepWorld::machines() {
  auto& machine = machines_[pick(machines_.size())];
  if (one_in(4))
    machine.drained = !machine.drained;
  else if (one_in(3))
    machine.tainted_from = machine.tainted_from != 0 ? 0 : now_ + static_cast<Millis>(pick(60));
  else
    machine.standing = static_cast<NodeStanding>(1 + pick(3));
}

bool StepWorld::agents(bool steady) {
  bool moved = false;
  for (std::size_t i = 0; i < view_.facts.size(); ++i)
    if (!is_terminal(view_.facts[i].phase) && (steady || one_in(3))) moved = agent(i, steady) || moved;
  return moved;
}

void StepWorld::place(std::size_t i) {
  const auto at = pick(machines_.size());
  const auto& machine = machines_[at];
  if (machine.standing != NodeStanding::ready || machine.drained || machine.tainted_from != 0) {
    view_.facts[i].unplaceable = true;
    return;
  }
  where_[i] = static_cast<int>(at);
  view_.facts[i].unplaceable = false;
  view_.facts[i].phase = Phase::assigned;
}

bool StepWorld::agent(std::size_t i, bool steady) {
  auto& r = view_.facts[i];
  if (r.phase == Phase::pending) {
    place(i);
    return true;
  }
  if (machines_[where_[i]].standing != NodeStanding::ready) return false;
  if (r.leaving) {
    r.phase = Phase::stopped;
    r.ready = false;
    return true;
  }
  if (r.phase != Phase::running) {
    r.phase = Phase::running;
    if (r.running_at == 0) r.running_at = now_;
    return true;
  }
  return run(r, steady);
}

bool StepWorld::run(ReplicaFact& r, bool steady) {
  const Nature nature = versions_[r.version].nature;
  const bool may = nature == Nature::good || (nature == Nature::slow && now_ >= r.running_at + 30) ||
                   (nature == Nature::breaks && !steady);
  const bool breaks = steady ? nature == Nature::breaks : one_in(nature == Nature::breaks ? 4 : 40);
  if (r.ready && breaks) {
    r.ready = false;
    r.ready_at = 0;
    if (one_in(2)) r.phase = Phase::backoff;
    return true;
  }
  if (!r.ready && may && !breaks) {
    r.ready = true;
    r.ready_at = now_;
    if (r.first_ready_at == 0) r.first_ready_at = now_;
    return true;
  }
  if (view_.runs_to_completion && (steady ? r.ready || !may : one_in(12))) {
    if (steady && nature == Nature::slow && !r.ready) return false;
    r.phase = r.ready ? Phase::succeeded : Phase::failed;
    r.ready = false;
    return true;
  }
  return false;
}

bool StepWorld::counts(const ReplicaFact& r, std::uint64_t serving) const {
  if (r.phase != Phase::running || !r.ready || r.leaving || r.node != NodeStanding::ready) return false;
  return now_ - r.ready_at >= view_.policy.min_ready && (serving == 0 || serving == r.version);
}

std::uint32_t StepWorld::available() const {
  std::uint32_t n = 0;
  for (const auto& r : view_.facts) n += counts(r, view_.serving_version) ? 1 : 0;
  return n;
}

/// Alive, or ended by itself.
std::int64_t StepWorld::filled() const {
  std::int64_t n = 0;
  for (const auto& r : view_.facts) {
    const bool done = !r.leaving && r.version == view_.version &&
                      (r.phase == Phase::succeeded || (r.phase == Phase::failed && !r.earlier));
    n += alive(r) || done ? 1 : 0;
  }
  return n;
}

void StepWorld::plan(bool whole) {
  ++steps_;
  const Step next = step(view_, now_);
  require(!next.wake_at || *next.wake_at > now_, "it wakes later than now");
  wake_ = next.wake_at;
  check_starts(next);
  check_stops(next);
  check_end(next);
  const std::size_t items = next.starts.size() + next.stops.size() + 4;
  const auto before = available();
  judge(next, whole ? items : pick(items));
  refresh();
  const bool floorless = view_.policy.strategy == RolloutStrategy::recreate;
  require(floorless || available() >= std::min(before, view_.bounds.min_available),
          "nothing voluntary takes the available below the floor");
}

void StepWorld::judge(const Step& step, std::size_t items) {
  for (const auto& start : step.starts)
    if (items > 0) --items, add(start);
  for (const auto& stopped : step.stops)
    if (items > 0) --items, stop(stopped);
  if (step.switch_to && items > 0) --items, switch_to(*step.switch_to);
  if (step.promote && items > 0) {
    --items;
    view_.rollout->promoted = true;
    view_.rollout->progress_from = now_;
  }
  if (step.mark) view_.rollout->mark = now_;
  if (step.verdict.state != RolloutState::active && items > 0) end(step.verdict);
}

void StepWorld::add(const Start& start) {
  for (std::uint32_t i = 0; i < start.count; ++i) {
    ReplicaFact r;
    r.ordinal = next_ordinal_++;
    r.version = start.version;
    view_.facts.push_back(r);
    where_.push_back(-1);
  }
}

void StepWorld::stop(const Stop& stop) {
  auto& r = view_.facts[stop.replica];
  r.leaving = true;
  r.serving = false;
  if (stop.cause == StopCause::node_lost) r.phase = Phase::lost;
  if (r.phase == Phase::pending) r.phase = Phase::stopped;
}

void StepWorld::switch_to(std::uint64_t version) {
  const bool blue_green = view_.policy.strategy == RolloutStrategy::blue_green;
  require(blue_green ? version == view_.version : version == 0,
          "it switches to what is current, or back to all");
  view_.serving_version = version;
  if (version != 0) view_.rollout->switched_at = now_;
}

void StepWorld::end(const Verdict& verdict) {
  if (verdict.state == RolloutState::completed) {
    if (view_.policy.strategy == RolloutStrategy::blue_green && view_.serving_version != 0 &&
        view_.serving_version != view_.version)
      return;  // the owner has not switched
    view_.rollout->state = RolloutState::completed;
    versions_[view_.version].proven = true;
    return;
  }
  view_.rollout->state = RolloutState::failed;
  if (verdict.back_to != 0) begin(verdict.back_to, RolloutCause::failed);
}

void StepWorld::calm_down() {
  for (auto& machine : machines_) machine = Machine{};
  view_.rollout->paused = false;
  view_.rollout->progress_from = now_;
  refresh();
  asked_ = static_cast<Asked>(pick(3));
  if (asked_ == Asked::nothing) return;
  const bool goes_back = view_.policy.auto_rollback && !view_.runs_to_completion;
  make_version();
  versions_.back().nature = asked_ == Asked::bad ? Nature::never_ready
                            : one_in(2)          ? Nature::good
                                                 : Nature::slow;
  begin(versions_.size() - 1, RolloutCause::updated);
  way_back_ = goes_back ? view_.last_proven : 0;
}

bool StepWorld::settle() {
  const int bound = 400 + 40 * static_cast<int>(view_.replicas);
  for (int round = 0; round < bound; ++round) {
    const auto before = view_.facts.size();
    const auto next = step(view_, now_);
    const bool busy = !next.starts.empty() || !next.stops.empty() || next.switch_to || next.promote ||
                      next.verdict.state != RolloutState::active;
    plan(true);
    const bool moved = agents(true);
    prune();
    refresh();
    if (busy || moved || before != view_.facts.size()) {
      now_ += 1;
      continue;
    }
    if (view_.is_canary() && !view_.policy.canary->promote_after && !wake_) {
      view_.rollout->promoted = true;
      view_.rollout->progress_from = now_;
      continue;
    }
    // Slow ones are ready after a while.
    const bool slow = std::any_of(view_.facts.begin(), view_.facts.end(), [&](const auto& r) {
      return alive(r) && !r.ready && versions_[r.version].nature == Nature::slow && now_ < r.running_at + 30;
    });
    if (slow)
      now_ += 5;
    else if (wake_)
      now_ = *wake_;
    else
      return true;
  }
  return false;
}

std::string StepWorld::describe() const {
  std::ostringstream out;
  const auto& p = view_.policy;
  out << "at " << now_ << ": " << view_.replicas << " wanted, strategy " << static_cast<int>(p.strategy)
      << ", floor " << view_.bounds.min_available << ", unavailable " << view_.bounds.max_unavailable
      << (p.max_unavailable ? " (named)" : "") << ", surge " << view_.bounds.max_surge << ", batch "
      << view_.bounds.batch << ", version " << view_.version << " from " << view_.rollout->from_version
      << (view_.from_proven ? " (proven)" : "") << ", serving " << view_.serving_version << ", rollout "
      << to_string(view_.rollout->state) << " " << to_string(view_.rollout->cause)
      << (view_.rollout->paused ? " paused" : "") << (view_.is_canary() ? " canary" : "")
      << (view_.runs_to_completion ? " job" : "") << ", back to " << view_.last_proven << "\n";
  for (const auto& r : view_.facts)
    out << "  " << r.ordinal << " v" << r.version << " " << to_string(r.phase) << (r.ready ? " ready" : "")
        << (r.leaving ? " leaving" : "") << (moves(r) ? " moving" : "")
        << (r.unplaceable ? " unplaceable" : "") << (r.proven ? " proven" : "")
        << (r.earlier ? " earlier" : "") << " node " << static_cast<int>(r.node) << " nature "
        << static_cast<int>(versions_[r.version].nature) << " running " << r.running_at << " ready since "
        << r.ready_at << "\n";
  return out.str();
}

}  // namespace cloudless::rollout::test
