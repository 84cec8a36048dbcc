#include "actors/rollout/step.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace cloudless::rollout {
namespace {

constexpr Millis kNow = 100'000;
/// Long enough ago for any pause.
constexpr Millis kLong = 1'000;

using Policy = std::function<void(RolloutPolicy&)>;
using Change = std::function<void(WorkloadView&)>;

/// Letters, one per replica, oldest first. Of the old version (1): O ready, o running, not ready. Of the new
/// one (2): N ready, n running, p pending, x cannot be placed, b in back-off, S succeeded, F failed. Of a
/// version in between that never worked (3): V ready, v not. Leaving: '-'. What follows a replica: '!' its
/// node is drained, '?' in doubt, '*' lost.
void add(WorkloadView& view, const std::string& letters) {
  for (const char c : letters) {
    if (c == '!') view.facts.back().move = {StopCause::drain, 0};
    if (c == '#') view.facts.back().move = {StopCause::taint, kNow};
    if (c == '~') view.facts.back().move = {StopCause::taint, kNow + 1};
    if (c == '>') view.facts.back().move = {StopCause::rebalance, 0};
    if (c == '?') view.facts.back().node = NodeStanding::doubt;
    if (c == '*') view.facts.back().node = NodeStanding::lost;
    if (std::string("!#~>?*").find(c) != std::string::npos) continue;
    ReplicaFact r;
    r.ordinal = view.facts.size();
    r.version = c == 'O' || c == 'o' || c == '-' ? 1 : c == 'V' || c == 'v' ? 3 : 2;
    r.proven = r.version == 1;
    r.phase = Phase::running;
    r.node = NodeStanding::ready;
    r.running_at = kLong;
    if (c == 'O' || c == 'N' || c == 'V') {
      r.ready = true;
      r.ready_at = r.first_ready_at = kLong + 500;
    }
    if (c == 'n') r.running_at = kNow - 1000;
    if (c == 'p' || c == 'x') {
      r.phase = Phase::pending;
      r.node = NodeStanding::none;
      r.running_at = 0;
      r.unplaceable = c == 'x';
    }
    if (c == 'b') r.phase = Phase::backoff, r.running_at = kNow - 1000;
    if (c == 'S') r.phase = Phase::succeeded;
    if (c == 'F') r.phase = Phase::failed;
    r.leaving = c == '-';
    view.facts.push_back(r);
  }
}

/// From version 1, which worked, to version 2.
WorkloadView rolling(std::uint32_t wanted, const std::string& letters, const Policy& policy = {},
                     const Change& change = {}) {
  WorkloadView view;
  view.replicas = wanted;
  if (policy) policy(view.policy);
  view.bounds = bounds_of(view.policy, wanted);
  view.version = 2;
  view.rollout = RolloutFact{};
  view.rollout->cause = RolloutCause::updated;
  view.rollout->from_version = 1;
  view.rollout->started_at = view.rollout->progress_from = view.rollout->mark = kNow - 2000;
  view.from_proven = true;
  view.last_proven = 1;
  add(view, letters);
  if (change) change(view);
  view.serving_proven = view.serving_version == 1;
  return view;
}

/// Nothing is under way: version 2 is complete.
WorkloadView steady(std::uint32_t wanted, const std::string& letters, const Policy& policy = {}) {
  return rolling(wanted, letters, policy, [](WorkloadView& v) {
    v.rollout->state = RolloutState::completed;
    for (auto& r : v.facts) r.proven = true;
  });
}

std::string words(const Step& step) {
  std::ostringstream out;
  const auto next = [&]() -> std::ostream& { return out.tellp() > 0 ? out << "; " : out; };
  for (const auto& s : step.starts) next() << "start " << s.count << " v" << s.version;
  for (const auto& s : step.stops) next() << "stop " << s.replica << " " << to_string(s.cause);
  if (step.switch_to) next() << "switch to " << *step.switch_to;
  if (step.promote) next() << "promote";
  if (step.verdict.state == RolloutState::completed) next() << "completed";
  if (step.verdict.state == RolloutState::failed) {
    next() << "failed";
    if (step.verdict.replica) out << " by " << *step.verdict.replica;
    if (step.verdict.back_to != 0) out << ", back to " << step.verdict.back_to;
  }
  return out.str();
}

std::string next(const WorkloadView& view, Millis now = kNow) {
  return words(step(view, now));
}

Policy surge(std::uint32_t n) {
  return [=](RolloutPolicy& p) { p.max_surge = IntOrPercent{n, false}; };
}
Policy away(std::uint32_t n) {
  return [=](RolloutPolicy& p) {
    p.max_surge = IntOrPercent{0, false};
    p.max_unavailable = IntOrPercent{n, false};
  };
}
Policy floor_of(std::uint32_t n) {
  return [=](RolloutPolicy& p) { p.min_available = n; };
}
Policy all_of(std::vector<Policy> policies) {
  return [=](RolloutPolicy& p) {
    for (const auto& policy : policies) policy(p);
  };
}
Policy of(RolloutStrategy strategy) {
  return [=](RolloutPolicy& p) { p.strategy = strategy; };
}
Policy canary(std::uint32_t n, std::optional<Millis> promote_after = {}) {
  return [=](RolloutPolicy& p) { p.canary = Canary{{n, false}, promote_after}; };
}
void pause(WorkloadView& v) {
  v.rollout->paused = true;
}
void fail(WorkloadView& v) {
  v.rollout->state = RolloutState::failed;
}
Change serving(std::uint64_t version) {
  return [=](WorkloadView& v) { v.serving_version = version; };
}

struct Case {
  const char* what;
  WorkloadView view;
  const char* step;
};

void check(const std::vector<Case>& cases) {
  for (const auto& c : cases) {
    CAPTURE(std::string(c.what));
    CHECK(next(c.view) == std::string(c.step));
  }
}

}  // namespace

TEST_CASE("the published cases: what the floor allows at each point of a rollout") {
  const auto no_surge = [](std::uint32_t floor) { return all_of({away(5), floor_of(floor)}); };
  check({
      {"3 of 5: a batch of 2 stops", rolling(5, "OOOOO", no_surge(3)), "stop 4 rollout; stop 3 rollout"},
      {"3 of 5: its replacements start", rolling(5, "OOO--", no_surge(3)), "start 2 v2"},
      {"3 of 5: nothing more while they start", rolling(5, "OOO--nn", no_surge(3)), ""},
      {"3 of 5: one ready is not the batch", rolling(5, "OOO--Nn", no_surge(3)), ""},
      {"3 of 5: the next batch", rolling(5, "OOO--NN", no_surge(3)), "stop 2 rollout; stop 1 rollout"},
      {"3 of 5: the last one", rolling(5, "O----NNNN", no_surge(3)), "stop 0 rollout"},
      {"3 of 5: done", rolling(5, "-----NNNNN", no_surge(3)), "completed"},
      {"as many as there are: one more first", rolling(3, "OOO", floor_of(3)), "start 1 v2"},
      {"as many as there are: not before it is ready", rolling(3, "OOOn", floor_of(3)), ""},
      {"as many as there are: then one goes", rolling(3, "OOON", floor_of(3)), "stop 2 rollout"},
      {"0 is no constraint: all at once", rolling(3, "OOO", no_surge(0)),
       "stop 2 rollout; stop 1 rollout; stop 0 rollout"},
      {"unavailable 3 is limited to 1 by 4 of 5", rolling(5, "OOOOO", all_of({away(3), floor_of(4)})),
       "stop 4 rollout"},
      {"5 of 3 is 3 of 3: surge", rolling(3, "OOO", all_of({surge(0), floor_of(5)})), "start 1 v2"},
      {"ready 4, floor 3: one may stop", rolling(4, "OOOO", all_of({away(4), floor_of(3)})),
       "stop 3 rollout"},
      {"ready 3, floor 3: none may", rolling(4, "OOO-N", all_of({away(4), floor_of(4)})), "start 1 v2"},
      {"ready 2, floor 3: none may", rolling(4, "OOoo", all_of({away(4), floor_of(3)})), "stop 3 rollout"},
      {"default of 1: start", rolling(1, "O"), "start 1 v2"},
      {"default of 1: wait until it is ready", rolling(1, "On"), ""},
      {"default of 1: then stop", rolling(1, "ON"), "stop 0 rollout"},
      {"default of 1: done", rolling(1, "-N"), "completed"},
      {"default of 3: surge 1, one at a time", rolling(3, "OOO"), "start 1 v2"},
      {"default of 10: a quarter at a time", rolling(10, "OOOOOOOOOO"), "start 2 v2"},
      {"default of 10: the second batch", rolling(10, "OOOOOOOO--NN"), "start 2 v2"},
      {"scale up 2 to 5, floor 2", steady(5, "NN", floor_of(2)), "start 3 v2"},
      {"scale down 5 to 2, floor 2", steady(2, "NNNNN", floor_of(2)),
       "stop 4 scale; stop 3 scale; stop 2 scale"},
      {"scale down keeps the floor", steady(2, "NNNnn", floor_of(2)),
       "stop 4 scale; stop 3 scale; stop 2 scale"},
      {"scale to 0", steady(0, "NN"), "stop 1 scale; stop 0 scale"},
      {"RECREATE stops all, below any floor",
       rolling(3, "OOO", all_of({of(RolloutStrategy::recreate), floor_of(2)})),
       "stop 0 recreate; stop 1 recreate; stop 2 recreate"},
      {"BLUE_GREEN stops nothing before the new set is ready",
       rolling(3, "OOONNn", of(RolloutStrategy::blue_green), serving(1)), ""},
  });
}

TEST_CASE("rolling: surge first, absence where it is asked for or nothing else is possible") {
  check({
      {"surge 2 of 4", rolling(4, "OOOO", surge(2)), "start 2 v2"},
      {"each ready one replaces one, within the batch", rolling(4, "OOOONn", surge(2)), "stop 3 rollout"},
      {"the next batch when all are ready", rolling(4, "OOO-NN", surge(2)), "start 1 v2; stop 2 rollout"},
      {"surge and absence named",
       rolling(10, "OOOOOOOOOO",
               [](RolloutPolicy& p) {
                 p.max_surge = p.max_unavailable = IntOrPercent{2, false};
               }),
       "start 2 v2"},
      {"absence named: they go while the surge starts",
       rolling(10, "OOOOOOOOOOnn",
               [](RolloutPolicy& p) {
                 p.max_surge = p.max_unavailable = IntOrPercent{2, false};
               }),
       "stop 9 rollout; stop 8 rollout"},
      {"no room for the surge: absence", rolling(3, "OOOx"), "stop 2 rollout"},
      {"no room, and none may be absent", rolling(3, "OOOx", floor_of(3)), ""},
      {"a lost one is replaced at once, as new", rolling(3, "OOO*"), "start 1 v2"},
      {"and given up when that has started", rolling(3, "OOO*n"), "stop 2 node lost"},
      {"missing ones while a batch starts", rolling(4, "OO*O*On"), "start 1 v2; stop 2 node lost"},
      {"unready old ones go first", rolling(4, "OoOON"), "stop 1 rollout"},
      {"in doubt: left alone", rolling(1, "O?N"), ""},
      {"a never-ready version's replicas go at once",
       rolling(3, "OOOvv", surge(2),
               [](WorkloadView& v) {
                 v.rollout->from_version = 3;
                 v.from_proven = false;
               }),
       "stop 4 rollout; stop 3 rollout"},
      {"and before others", rolling(3, "OVON", surge(1)), "stop 1 rollout"},
      {"scaled down meanwhile", rolling(2, "OOOON"), "stop 3 rollout; stop 2 rollout; stop 1 rollout"},
      {"scaled to 0 meanwhile", rolling(0, "ON"), "stop 0 rollout; stop 1 scale"},
      {"first rollout: all at once", rolling(5, "", {}, [](WorkloadView& v) { v.rollout->from_version = 0; }),
       "start 5 v2"},
  });
}

TEST_CASE("paused or failed: nothing is replaced, but what is missing is filled and scaling goes on") {
  check({
      {"paused", rolling(3, "OOO", {}, pause), ""},
      {"paused with a surge: it stays", rolling(3, "OOON", {}, pause), ""},
      {"paused: lost ones come back as they were", rolling(3, "OO-", {}, pause), "start 1 v1"},
      {"paused: scaled up as they were", rolling(5, "OO--N", {}, pause), "start 2 v1"},
      {"paused: scaled down", rolling(1, "OOO", {}, pause), "stop 2 scale; stop 1 scale"},
      {"paused, where it comes from never worked",
       rolling(3, "OO", {},
               [](WorkloadView& v) {
                 pause(v);
                 v.from_proven = false;
               }),
       "start 1 v2"},
      {"paused when all is done: complete", rolling(2, "NN", {}, pause), "completed"},
      {"failed", rolling(3, "OOOn", {}, fail), ""},
      {"failed: lost ones come back as they were", rolling(3, "OO-n", {}, fail), ""},
      {"failed: missing", rolling(4, "OO-n", {}, fail), "start 1 v1"},
      {"failed, and ready after all", rolling(2, "NN", {}, fail), "completed"},
      {"RECREATE paused before anything new", rolling(2, "--", of(RolloutStrategy::recreate), pause),
       "start 2 v1"},
      {"RECREATE paused with something new never mixes",
       rolling(2, "N", of(RolloutStrategy::recreate), pause), "start 1 v2"},
  });
}

TEST_CASE("canary: a few first, then it waits for promotion") {
  const auto ready_since = [](Millis at) {
    return [=](WorkloadView& v) {
      for (auto& r : v.facts) r.ready_at = r.ready ? at : 0;
    };
  };
  check({
      {"one of four", rolling(4, "OOOO", all_of({canary(1), surge(2)})), "start 1 v2"},
      {"one goes for it", rolling(4, "OOOON", canary(1)), "stop 3 rollout"},
      {"it waits", rolling(4, "OOO-N", canary(1)), ""},
      {"promoted", rolling(4, "OOO-N", canary(1), [](WorkloadView& v) { v.rollout->promoted = true; }),
       "start 1 v2"},
      {"an old one lost meanwhile comes back old", rolling(4, "OO--N", canary(1)), "start 1 v1"},
      {"good for long enough", rolling(4, "OOO-N", canary(1, 10'000)), "promote"},
      {"not yet", rolling(4, "OOO-N", canary(1, 10'000), ready_since(kNow - 9'999)), ""},
      {"paused: not promoted", rolling(4, "OOO-N", canary(1, 10'000), pause), ""},
      {"as many as wanted: complete only when promoted", rolling(1, "-N", canary(1)), ""},
      {"going back needs none",
       rolling(4, "OOOO", canary(1),
               [](WorkloadView& v) {
                 v.rollout->cause = RolloutCause::undone;
                 v.policy.max_surge = IntOrPercent{2, false};
                 v.bounds = bounds_of(v.policy, 4);
               }),
       "start 2 v2"},
      {"none where nothing was before",
       rolling(3, "", canary(1), [](WorkloadView& v) { v.rollout->from_version = 0; }), "start 3 v2"},
  });
  CHECK(step(rolling(4, "OOO-N", canary(1, 10'000), ready_since(kNow - 9'999)), kNow).wake_at == kNow + 1);
  // Waiting for people is not a lack of progress.
  CHECK(next(rolling(4, "OOO-N", canary(1)), kNow + 10'000'000) == "");
  CHECK_FALSE(step(rolling(4, "OOO-N", canary(1)), kNow).wake_at);
}

TEST_CASE("RECREATE: everything old ends before anything new starts") {
  const auto recreate = of(RolloutStrategy::recreate);
  check({
      {"old ones still end", rolling(2, "--", recreate), ""},
      {"all have ended", rolling(2, "", recreate), "start 2 v2"},
      {"one has not ended", rolling(2, "O-", recreate), "stop 0 recreate"},
      {"one in doubt is told, too", rolling(1, "O?", recreate), "stop 0 recreate"},
      {"lost old ones are given up", rolling(1, "O*", recreate), "stop 0 node lost"},
      {"done", rolling(2, "NN", recreate), "completed"},
      {"drain of one: surge first", steady(1, "N!", recreate), "start 1 v2"},
  });
}

TEST_CASE("BLUE_GREEN: a full new set, one switch, the old set kept for the way back") {
  const auto blue_green = of(RolloutStrategy::blue_green);
  const auto switched = [](Millis at, RolloutState state = RolloutState::completed) {
    return [=](WorkloadView& v) {
      v.serving_version = 2;
      v.rollout->switched_at = at;
      v.rollout->state = state;
    };
  };
  check({
      {"the new set starts", rolling(3, "OOO", blue_green, serving(1)), "start 3 v2"},
      {"a lost old one is replaced, it serves", rolling(3, "OO-NNn", blue_green, serving(1)), "start 1 v1"},
      {"scaled up in between: both sets", rolling(4, "OOONNN", blue_green, serving(1)),
       "start 1 v1; start 1 v2"},
      {"scaled down in between: both sets", rolling(2, "OOONNN", blue_green, serving(1)),
       "stop 2 scale; stop 5 scale"},
      {"what replaces a drained old one is no surplus", rolling(1, "O!on", blue_green, serving(1)), ""},
      {"all ready: switch", rolling(3, "OOONNN", blue_green, serving(1)), "switch to 2; completed"},
      {"paused: no switch",
       rolling(3, "OOONNN", blue_green,
               [](WorkloadView& v) {
                 pause(v);
                 v.serving_version = 1;
               }),
       ""},
      {"switched, but the end was lost",
       rolling(3, "OOONNN", blue_green, switched(kNow - 1, RolloutState::active)), "completed"},
      {"kept within the window", rolling(3, "OOONNN", blue_green, switched(kNow - 299'999)), ""},
      {"after the window", rolling(3, "OOONNN", blue_green, switched(kNow - 300'000)),
       "stop 0 rollout; stop 1 rollout; stop 2 rollout"},
      {"undone within the window: both are there, switch at once",
       rolling(3, "NNNOOO", blue_green, serving(1)), "switch to 2; completed"},
      {"a set that never served goes at once", rolling(3, "OOOVVV", blue_green, serving(1)),
       "start 3 v2; stop 3 rollout; stop 4 rollout; stop 5 rollout"},
      {"first rollout: nothing to switch", rolling(2, "NN", blue_green), "completed"},
      {"nothing is wanted", rolling(0, "", blue_green, serving(1)), "switch to 2; completed"},
      {"nothing is wanted while paused: what comes later would never serve",
       rolling(0, "", blue_green,
               [](WorkloadView& v) {
                 serving(1)(v);
                 pause(v);
               }),
       ""},
      {"not BLUE_GREEN any more: all serve", rolling(2, "ON", {}, serving(1)), "switch to 0"},
  });
  CHECK(step(rolling(3, "OOONNN", blue_green, switched(kNow - 299'999)), kNow).wake_at == kNow + 1);
}

TEST_CASE("drain: what is on the node moves, above the floor") {
  check({
      {"one of one: surge first", steady(1, "N!"), "start 1 v2"},
      {"one of one: wait", steady(1, "N!n"), ""},
      {"one of one: then it goes", steady(1, "N!N"), "stop 0 drain"},
      {"two of three: one goes, surge starts", steady(3, "N!N!N"), "start 1 v2; stop 1 drain"},
      {"what serves nobody goes at once", steady(2, "n!N"), "start 1 v2; stop 0 drain"},
      {"an unready one elsewhere does not hold it up", steady(3, "N!nN"), "start 1 v2"},
      {"in doubt: left alone", steady(1, "N!?N"), ""},
      {"while paused: as it was", rolling(2, "O!O", {}, pause), "start 1 v1; stop 0 drain"},
      {"while paused: what replaces it is no surplus", rolling(1, "O!o", {}, pause), ""},
      {"while paused: then it goes", rolling(1, "O!O", {}, pause), "stop 0 drain"},
      {"while a batch is under way", rolling(3, "O!OOn"), "stop 0 drain"},
  });
}

TEST_CASE("what has to leave for a taint, or is asked to, moves as from a drained node") {
  const auto blue_green = of(RolloutStrategy::blue_green);
  const auto recreate = of(RolloutStrategy::recreate);
  check({
      {"one of one: surge first", steady(1, "N#"), "start 1 v2"},
      {"one of one: wait", steady(1, "N#n"), ""},
      {"one of one: then it goes", steady(1, "N#N"), "stop 0 taint"},
      {"not yet", steady(1, "N~"), ""},
      {"two of three: one goes, surge starts", steady(3, "N>N#N"), "start 1 v2; stop 1 taint"},
      {"what serves nobody goes at once", steady(2, "n>N"), "start 1 v2; stop 0 rebalance"},
      {"in doubt: left alone", steady(1, "N#?N"), ""},
      {"while paused: as it was", rolling(2, "O>O", {}, pause), "start 1 v1; stop 0 rebalance"},
      {"while a batch is under way", rolling(3, "O#OOn"), "stop 0 taint"},
      {"RECREATE: surge first", steady(1, "N>", recreate), "start 1 v2"},
      {"RECREATE: then it goes", steady(1, "N#N", recreate), "stop 0 taint"},
      {"BLUE_GREEN: of the set that serves", rolling(1, "O#O", blue_green, serving(1)),
       "start 1 v2; stop 0 taint"},
      {"BLUE_GREEN: of the new set", rolling(1, "ON>n", blue_green, serving(1)), "stop 1 rebalance"},
  });
}

TEST_CASE("what has to move and what never worked together do not keep a canary from starting") {
  const auto view = rolling(
      4, "O#O#Ovv",
      [](RolloutPolicy& p) {
        canary(1)(p);
        p.max_surge = IntOrPercent{1, false};
        p.min_available = 4;
      },
      [](WorkloadView& v) {
        v.rollout->from_version = 3;
        v.from_proven = false;
      });
  CHECK(next(view) == "stop 4 rollout; stop 3 rollout");
}

TEST_CASE("what replaces a moving one of a version that is no way back is not one too many of a canary") {
  const auto canary_of = [](const std::string& letters) {
    const auto needs_all = [](RolloutPolicy& p) { p.min_available = 4; };
    return rolling(4, letters, all_of({canary(2), surge(1), needs_all}),
                   [](WorkloadView& v) { v.from_proven = false; });
  };
  CHECK(next(canary_of("O>ONN")) == "start 1 v2");
  CHECK(next(canary_of("O>ONNp")) == "");
  CHECK(next(canary_of("O>ONNN")) == "stop 0 rebalance");
  CHECK(next(canary_of("OONNp")) == "stop 4 scale");
}

TEST_CASE("a replica that may stay for a while is looked at again when it has to leave") {
  auto view = steady(1, "N~");
  CHECK(step(view, kNow).wake_at == kNow + 1);
  CHECK(next(view, kNow + 1) == "start 1 v2");
  // Of what is lost or leaves already nobody waits for it.
  CHECK_FALSE(step(steady(1, "N~*N"), kNow).wake_at);
}

TEST_CASE(
    "the time is noted as well while a replica may stay for a while, so that a restart does not forget it") {
  auto view = steady(1, "N~");
  view.facts[0].move.from = kNow + 10 * kMarkEvery;
  view.rollout->mark = kNow;
  CHECK(step(view, kNow).wake_at == kNow + kMarkEvery);
  CHECK(step(view, kNow + kMarkEvery).mark);
  CHECK_FALSE(step(view, kNow + kMarkEvery - 1).mark);
}

TEST_CASE("verdicts: completed, failed, and where it goes back to") {
  const auto late = [](const std::string& letters, const Policy& policy = {}, const Change& change = {}) {
    return rolling(2, letters, policy, [=](WorkloadView& v) {
      if (change) change(v);
      for (auto& r : v.facts)
        if (r.version == 2 && r.running_at != 0) r.running_at = kNow - 60'000;
      v.rollout->started_at = v.rollout->progress_from = v.rollout->mark = kNow - 70'000;
    });
  };
  const auto cause = [](RolloutCause c) { return [=](WorkloadView& v) { v.rollout->cause = c; }; };
  const auto job = [](WorkloadView& v) { v.runs_to_completion = true; };
  check({
      {"not ready within 60 s of running", late("OOn"), "failed by 2, back to 1"},
      {"the newest one stands for it", late("Onn"), "failed by 2, back to 1"},
      {"what the startup probe allows", late("OOn", {}, [](WorkloadView& v) { v.startup_allowance = 1; }),
       ""},
      {"no way back by itself", late("OOn", [](RolloutPolicy& p) { p.auto_rollback = false; }),
       "failed by 2"},
      {"there is no way back", late("OOn", {}, [](WorkloadView& v) { v.last_proven = 0; }), "failed by 2"},
      {"going back never goes back", late("OOn", {}, cause(RolloutCause::failed)), "failed by 2"},
      {"nor does an abort", late("OOn", {}, cause(RolloutCause::aborted)), "failed by 2"},
      {"an undo may", late("OOn", {}, cause(RolloutCause::undone)), "failed by 2, back to 1"},
      {"a job stays failed", late("OOn", {}, job), "failed by 2"},
      {"in doubt it is not known", late("OOn?"), ""},
      {"paused: no deadline", late("OOn", {}, pause), ""},
      {"resumed just now: counted anew",
       late("OOn", {}, [](WorkloadView& v) { v.policy.ready_timeout = 70'001; }), ""},
      {"failed for good", rolling(2, "OF"), "failed by 1, back to 1"},
      {"failed for good before this rollout",
       rolling(2, "OF", {}, [](WorkloadView& v) { v.facts[1].earlier = true; }), "start 1 v2"},
      {"jobs that are done", rolling(2, "SN", {}, job), "completed"},
      {"an old one is left", rolling(1, "o?N"), ""},
      {"complete is said once", steady(2, "NN"), ""},
  });
}

TEST_CASE("no progress until the deadline fails the rollout, and progress moves the deadline") {
  auto view = rolling(2, "OOb", [](RolloutPolicy& p) { p.ready_timeout = 10'000'000; });
  const Millis deadline = view.rollout->progress_from + view.policy.progress_deadline;
  CHECK(next(view, deadline - 1) == "");
  CHECK(next(view, deadline) == "failed by 2, back to 1");
  view.facts[0].version = 2;
  view.facts[0].first_ready_at = kNow;
  CHECK(next(view, deadline) == "");
  view.policy.pause_duration = 5'000;
  CHECK(step(view, deadline).verdict.state == RolloutState::active);
  CHECK(step(view, kNow + 605'000).verdict.state == RolloutState::failed);
}

TEST_CASE("a pause between batches and min_ready hold back the next batch, and say when to look again") {
  auto view = rolling(2, "OON", [](RolloutPolicy& p) {
    p.pause_duration = 5'000;
    p.min_ready = 3'000;
    p.max_surge = IntOrPercent{2, false};
  });
  view.facts[2].ready_at = view.facts[2].first_ready_at = kNow;
  CHECK(next(view, kNow) == "");
  CHECK(step(view, kNow).wake_at == kNow + 3'000);
  CHECK(next(view, kNow + 2'999) == "");
  CHECK(next(view, kNow + 3'000) == "stop 1 rollout");
  CHECK(step(view, kNow + 3'000).wake_at == kNow + 8'000);
  CHECK(next(view, kNow + 8'000) == "start 1 v2; stop 1 rollout");
}

TEST_CASE("while a deadline is waited for the time is noted every 30 s") {
  const auto view = rolling(2, "OOn");
  CHECK(step(view, kNow).wake_at == view.rollout->mark + kMarkEvery);
  CHECK_FALSE(step(view, view.rollout->mark + kMarkEvery - 1).mark);
  CHECK(step(view, view.rollout->mark + kMarkEvery).mark);
  CHECK_FALSE(step(rolling(2, "OO", {}, pause), kNow + 100'000).mark);
  CHECK_FALSE(step(steady(2, "NN"), kNow + 100'000).mark);
}

}  // namespace cloudless::rollout
