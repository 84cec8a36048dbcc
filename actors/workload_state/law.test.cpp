// The invariants of docs/ARCHITECTURE.md under random sequences of commands, proposals, reports and changes
// of nodes, with rollouts in every state, and with followers of what serves. Units race with changes of nodes
// on their way to the store, as they do in the ring.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "actors/workload_state/budget.hpp"
#include "actors/workload_state/command.hpp"
#include "actors/workload_state/proposal.hpp"
#include "actors/workload_state/report.hpp"
#include "actors/workload_state/withdrawals.hpp"

namespace cloudless::workload_state {
namespace {

/// doctest's own assertions cost too much for so many of them that hold.
#define HOLDS(...) \
  if (!(__VA_ARGS__)) FAIL(#__VA_ARGS__)

constexpr int kNodes = 4;
constexpr int kNames = 3;

bool same_records(const Snapshot& a, const Snapshot& b) {
  const auto x = a.records(), y = b.records();
  const auto equal = [](const Record& l, const Record& r) {
    return l.index() == r.index() &&
           std::visit([&](const auto& p) { return *p == *std::get<std::decay_t<decltype(p)>>(r); }, l);
  };
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), equal);
}

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < kNodes; ++i) change_node(i);
  }

  void step() {
    moment_ += static_cast<Millis>(pick(300));
    followed_ = chance(40);
    if (chance(10)) stop_withdrawn();
    switch (pick(11)) {
      case 0:
      case 10:
        return command();
      case 1:
        return change_node(static_cast<int>(pick(kNodes)));
      case 2:
      case 3:
      case 4:
        return report();
      default:
        return propose();
    }
  }

  std::map<std::string, int> seen;  ///< what was exercised

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool chance(std::uint64_t percent) { return pick(100) < percent; }
  template <class T>
  const T* any(const std::vector<T>& of) {
    return of.empty() ? nullptr : &of[pick(of.size())];
  }

  // --- what happens ---

  void change_node(int i) {
    const NodeId id{"n" + std::to_string(i)};
    const auto before = store_.node(id);
    Node node = before ? *before : Node{};
    node.description.id = id;
    node.description.allocatable = {1000 + 500 * static_cast<std::int64_t>(pick(2)), 1 << 30, 0, 0, 0};
    node.cordoned = chance(10);
    node.draining = chance(15);
    node.state = chance(75) ? NodeState::ready : chance(50) ? NodeState::suspect : NodeState::offline;
    if (!before || chance(20)) ++node.incarnation;
    node.revision = node.schedulable_revision = ++stamp_;
    store_.apply(put(std::make_shared<const Node>(std::move(node))));
  }

  WorkloadSpec spec() {
    WorkloadSpec out;
    out.pod.image = "image:" + std::to_string(pick(3));
    out.pod.requests = {100 * (1 + static_cast<std::int64_t>(pick(4))), 1 << 20, 0, 0, 0};
    out.replicas = static_cast<std::uint32_t>(pick(5));
    out.rollout.strategy = static_cast<RolloutStrategy>(1 + pick(3));
    if (chance(30)) out.rollout.min_ready = 200;
    if (chance(40)) out.rollout.canary = Canary{};
    out.rollout.auto_rollback = chance(70);
    out.rollout.max_unavailable = IntOrPercent{static_cast<std::uint32_t>(pick(60)), true};
    if (chance(30)) out.rollout.min_available = static_cast<std::uint32_t>(pick(4));
    return out;
  }

  void command() {
    const std::string name = "w" + std::to_string(pick(kNames));
    const auto workload = store_.workload("default", name);
    const Revision expected = workload && chance(30) ? workload->revision - pick(2) : 0;
    WorkloadCommand c;
    switch (pick(12)) {
      case 8:
      case 9:
      case 10:
      case 11: {
        const auto action = static_cast<RolloutAction>(1 + pick(6));
        const std::uint64_t to = action == RolloutAction::undo && chance(50) ? 1 + pick(4) : 0;
        c.action = ControlRollout{"default", name, action, to, expected};
        break;
      }
      case 0:
        c.action = DeleteWorkload{"default", name, expected};
        break;
      case 1:
      case 2:
        c.action = UpdateWorkload{"default", name, spec(), chance(50), expected};
        break;
      case 3:
        c.action = ScaleWorkload{"default", name, static_cast<std::uint32_t>(pick(5)), expected};
        break;
      default:
        c.action = CreateWorkload{"default", name, spec()};
        break;
    }
    owner::Plan plan(store_);
    const auto answer = apply(plan, c, {++stamp_, 0, moment_}, is_followed());
    note("command", answer ? Errc::none : answer.error().code);
    if (const auto* control = std::get_if<ControlRollout>(&c.action))
      note("control " + std::to_string(static_cast<int>(control->action)),
           answer ? Errc::none : answer.error().code);
    const auto units = plan.take_units();
    if (!answer) HOLDS(units.empty());
    if (answer && expected != 0) HOLDS(workload->revision == expected);
    // A user may write what he likes, but what only turns a rollout takes nothing away.
    commit(units, std::holds_alternative<ControlRollout>(c.action));
    HOLDS(same_records(store_, plan.now()));
  }

  ReplicaReport random_report(const Replica& r) {
    ReplicaReport out;
    out.replica = r.id;
    out.sequence = chance(80) ? r.report_sequence + 1 : pick(20);
    out.attempt = r.attempt + (chance(20) ? 1 : 0) - (chance(10) && r.attempt > 0 ? 1 : 0);
    out.phase = chance(80) ? Phase::running : static_cast<Phase>(1 + pick(11));
    out.ready = chance(85);
    out.started_at = 1;
    return out;
  }

  void report() {
    const auto replicas = all_replicas();
    NodeReport report;
    report.node = NodeId{"n" + std::to_string(pick(kNodes))};
    report.incarnation = store_.node(report.node)->incarnation + (chance(5) ? 1 : 0) - (chance(10) ? 1 : 0);
    for (const auto& r : store_.replicas_on(report.node))
      if (report.replicas.size() < 100 && chance(60)) report.replicas.push_back(random_report(*r));
    if (const auto* foreign = any(replicas); foreign != nullptr && chance(20))
      report.replicas.push_back(random_report(**foreign));
    owner::Plan plan(store_);
    const auto ack = apply(plan, report, moment_);
    note("report", ack ? Errc::none : ack.error().code);
    if (ack) HOLDS(ack->items.size() == report.replicas.size());
    commit(plan.take_units(), false);
    owner::Plan again(store_);
    static_cast<void>(apply(again, report, moment_));
    HOLDS(again.empty());
  }

  /// What was withdrawn stops: its followers know, or had their time.
  void stop_withdrawn() {
    Withdrawals all;
    all.load(store_);
    owner::Plan plan(store_);
    all.stop_due(plan, Followers{}, 0, moment_);
    if (!plan.empty()) ++seen["withdrawn, then stopped"];
    commit(plan.take_units(), true);
  }

  ProposalItem random_rollout_item(const std::shared_ptr<const Workload>& w) {
    const std::uint64_t number = w->rollout - (chance(10) ? 1 : 0);
    switch (pick(8)) {
      case 0:
      case 1:
        return SwitchServing{w->uid, number, chance(80) ? w->version : pick(3)};
      case 2:
        return PromoteRollout{w->uid, number};
      case 3:
        return MarkTime{w->uid, number};
      case 4:
        return ForgetRollout{w->uid, 1 + pick(w->rollout + 1)};
      default:
        return EndRollout{w->uid,
                          number,
                          chance(65) ? RolloutState::completed : RolloutState::failed,
                          "why",
                          chance(60) ? pick(4) : 0,
                          w->revision - (chance(5) ? 1 : 0)};
    }
  }

  ProposalItem random_item() {
    const auto replicas = all_replicas();
    const auto workloads = all_workloads();
    const auto* r = any(replicas);
    const auto* w = any(workloads);
    const ReplicaId replica = r != nullptr ? (*r)->id : ReplicaId{"none-0123456789-0"};
    const WorkloadUid uid = w != nullptr ? (*w)->uid : WorkloadUid{"0123456789"};
    if (w != nullptr && chance(25)) return random_rollout_item(*w);
    switch (pick(12)) {
      case 0:
      case 1: {
        const std::uint64_t current = w != nullptr ? (*w)->version : 1;
        return AddReplicas{
            uid, current - (chance(20) ? 1 : 0), w != nullptr ? (*w)->next_ordinal + (chance(10) ? 1 : 0) : 0,
            static_cast<std::uint32_t>(chance(2) ? 100 : 1 + pick(3)), chance(50) ? current : 0};
      }
      case 2:
      case 3:
      case 4:
      case 5: {
        const NodeId id{"n" + std::to_string(pick(kNodes))};
        return AssignReplica{replica, id, store_.node(id)->schedulable_revision - (chance(5) ? 1 : 0)};
      }
      case 6:
        return ExplainPending{replica, "reason " + std::to_string(pick(3))};
      case 7:
        for (const auto& candidate : workloads)
          if (candidate->deleted && chance(50)) return ForgetWorkload{candidate->uid};
        return chance(50) ? ProposalItem{ForgetWorkload{uid}} : ProposalItem{ForgetVersion{uid, 1 + pick(4)}};
      case 8:
        for (const auto& candidate : replicas)
          if (is_terminal(candidate->phase) && chance(50)) return ForgetReplica{candidate->id};
        return ForgetReplica{replica};
      default:
        return StopReplica{replica, static_cast<StopCause>(pick(7))};
    }
  }

  void propose() {
    Proposal proposal{"test", 0, {}};
    for (std::uint64_t i = 1 + pick(8); i > 0; --i) proposal.items.push_back(random_item());
    const Snapshot head = store_;
    owner::Plan plan(head);
    const auto answers = apply(plan, proposal, {++stamp_, 0, moment_}, is_followed());
    HOLDS(answers.size() == proposal.items.size());
    Proposal accepted{"test", 0, {}};
    for (std::size_t i = 0; i < answers.size(); ++i) {
      note("item " + std::to_string(proposal.items[i].index()), answers[i].code);
      if (answers[i].code == Errc::none) accepted.items.push_back(proposal.items[i]);
    }
    owner::Plan again(plan.now());
    apply(again, accepted, {stamp_, 0, moment_}, is_followed());
    HOLDS(same_records(again.now(), plan.now()));
    // The world goes on while the units are on their way.
    if (chance(40)) change_node(static_cast<int>(pick(kNodes)));
    commit(plan.take_units(), true);
  }

  // --- what must hold ---

  void commit(const std::vector<owner::CommitUnit>& units, bool voluntary) {
    for (const auto& unit : units) {
      HOLDS(!unit.changes.empty());
      HOLDS(unit.changes.size() <= owner::kMaxUnitChanges);
      if (!store_.satisfies(unit.preconditions)) {
        ++seen["unit lost a race"];
        return;
      }
      const Snapshot before = store_;
      for (const auto& change : unit.changes) store_.apply(change);
      check_clocks(before);
      check_rooms(before);
      check_identities(before);
      check_rollouts(before);
      if (voluntary) check_budget(before);
    }
  }

  void check_budget(const Snapshot& before) {
    for (const auto& w : all_workloads()) {
      const auto old = before.workload(w->uid);
      if (w->deleted || !old) continue;
      std::uint32_t lost = 0, recreated = 0, left = 0;
      for (const auto& r : store_.replicas_of(w->uid)) left += serves(store_, *w, *r) ? 1 : 0;
      for (const auto& r : before.replicas_of(w->uid)) {
        const auto now = store_.replica(r->id);
        if (!serves(before, *old, *r) || (now && serves(store_, *w, *now))) continue;
        const bool is_recreated =
            now && (now->stop == StopCause::recreate || now->withdrawn == StopCause::recreate) &&
            r->version != w->version && w->spec.rollout.strategy == RolloutStrategy::recreate;
        ++(is_recreated ? recreated : lost);
      }
      if (recreated > 0) ++seen["recreated"];
      if (lost == 0) continue;
      ++seen[old->serving_version != w->serving_version ? "switched what serves" : "stopped what served"];
      HOLDS(left + recreated >= bounds_of(w->spec.rollout, w->spec.replicas).min_available);
    }
  }
  /// Written out once more, on purpose.
  bool serves(const Snapshot& s, const Workload& w, const Replica& r) const {
    const auto node = s.node(r.node);
    return r.phase == Phase::running && r.ready && r.serving && r.stop == StopCause::none &&
           r.withdrawn == StopCause::none && node && node->state == NodeState::ready &&
           (w.serving_version == 0 || w.serving_version == r.version) &&
           r.ready_at + w.spec.rollout.min_ready <= moment_;
  }

  void check_rollouts(const Snapshot& before) {
    for (const auto& w : all_workloads()) {
      const auto newest = store_.rollout(w->uid, w->rollout);
      HOLDS(newest);
      HOLDS(newest->to_version == w->version);
      HOLDS(store_.version(w->uid, w->version)->pod == w->spec.pod);
      HOLDS(w->latest_version >= w->version);
      for (const auto& r : store_.rollouts_of(w->uid)) {
        HOLDS(r->number <= w->rollout);
        if (r->number != w->rollout) HOLDS(!r->is_active());
        if (r->is_active()) HOLDS(r->ended_at == 0);
        const auto old = before.rollout(w->uid, r->number);
        if (!old) HOLDS(r->number > (before.workload(w->uid) ? before.workload(w->uid)->rollout : 0));
        if (!old || old->state == r->state) continue;
        HOLDS((old->is_active() ||
               (old->state == RolloutState::failed && r->state == RolloutState::completed)));
        ++seen[std::string("rollout ") + to_string(r->state)];
        if (r->state == RolloutState::completed) HOLDS(store_.version(w->uid, r->to_version)->proven);
      }
      if (newest->cause == RolloutCause::failed && !before.rollout(w->uid, w->rollout)) ++seen["went back"];
    }
    before.versions().for_each([&](const ReplicaSlot& slot, const std::shared_ptr<const Version>& old) {
      const auto now = store_.version(slot.workload, slot.ordinal);
      if (!now) return;
      HOLDS(now->pod == old->pod);
      if (old->proven) HOLDS(now->proven);
    });
  }

  void check_rooms(const Snapshot& before) {
    for (int i = 0; i < kNodes; ++i) {
      const auto node = store_.node(NodeId{"n" + std::to_string(i)});
      bool assigned = false;
      Resources sum;
      for (const auto& r : store_.replicas_on(node->description.id)) {
        if (!is_terminal(r->phase)) sum += store_.version(r->workload, r->version)->pod.requests;
        const auto old = before.replica(r->id);
        if (old && !old->node.empty()) continue;
        assigned = true;
        HOLDS(node->schedulable());
      }
      if (assigned) {
        ++seen["assigned"];
        HOLDS(sum.fits(node->description.allocatable));
      }
    }
  }

  void check_clocks(const Snapshot& before) {
    before.replicas().for_each([&](const ReplicaSlot&, const std::shared_ptr<const Replica>& old) {
      const auto now = store_.replica(old->id);
      if (!now) {
        // It may have been stopped and forgotten by one batch.
        const auto node = before.node(old->node);
        const bool ends_at_once = old->phase == Phase::pending || (node && node->state == NodeState::offline);
        HOLDS((is_terminal(old->phase) || ends_at_once));
        return;
      }
      HOLDS(now->attempt >= old->attempt);
      if (now->attempt == old->attempt) HOLDS(now->phase >= old->phase);
      if (is_terminal(old->phase)) HOLDS(now->phase == old->phase);
      if (!old->node.empty()) HOLDS(now->node == old->node);
      if (old->stop_requested()) HOLDS(now->stop == old->stop);
      if (old->is_leaving()) HOLDS(now->is_leaving());
      if (!old->serving) HOLDS(!now->serving);
      HOLDS(now->version == old->version);
      if (now->phase == Phase::lost && old->phase != Phase::lost) ++seen["lost"];
    });
  }

  void check_identities(const Snapshot& before) {
    store_.replicas().for_each([&](const ReplicaSlot& slot, const std::shared_ptr<const Replica>& r) {
      const auto workload = store_.workload(r->workload);
      HOLDS(workload);
      HOLDS(slot.ordinal < workload->next_ordinal);
      HOLDS(store_.version(r->workload, r->version));
      if (r->stop_requested()) HOLDS((!r->ready && !r->serving));
      if (r->withdrawn != StopCause::none) HOLDS(!r->serving);
      if (!r->ready) HOLDS(r->ready_at == 0);
      if (r->ready) HOLDS((r->ready_at >= r->first_ready_at && r->first_ready_at >= r->running_at));
      if (r->node.empty()) HOLDS((r->phase == Phase::pending || r->phase == Phase::stopped));
      const auto old = before.workload(r->workload);
      if (!before.replica(r->id)) HOLDS((!old->deleted && slot.ordinal >= old->next_ordinal));
    });
    store_.workloads().for_each([&](const WorkloadUid& uid, const std::shared_ptr<const Workload>& w) {
      HOLDS(store_.version(uid, w->version));
      if (!w->deleted) HOLDS(store_.workload(w->ns, w->name)->uid == uid);
      if (const auto old = before.workload(uid)) {
        HOLDS(w->next_ordinal >= old->next_ordinal);
        HOLDS(w->latest_version >= old->latest_version);
        HOLDS(w->rollout >= old->rollout);
        HOLDS(w->revision >= old->revision);
        if (old->deleted) HOLDS(w->deleted);
      }
    });
    before.workloads().for_each([&](const WorkloadUid& uid, const std::shared_ptr<const Workload>& old) {
      if (!store_.workload(uid))
        HOLDS((old->deleted && store_.replicas_of(uid).empty() && store_.versions_of(uid).empty() &&
               store_.rollouts_of(uid).empty()));
    });
  }

  std::vector<std::shared_ptr<const Replica>> all_replicas() const {
    std::vector<std::shared_ptr<const Replica>> out;
    store_.replicas().for_each([&](const auto&, const auto& r) { out.push_back(r); });
    return out;
  }
  std::vector<std::shared_ptr<const Workload>> all_workloads() const {
    std::vector<std::shared_ptr<const Workload>> out;
    store_.workloads().for_each([&](const auto&, const auto& w) { out.push_back(w); });
    return out;
  }
  void note(const std::string& what, Errc code) { ++seen[what + " " + to_string(code)]; }

  IsFollowed is_followed() const {
    return [this](const Workload&) { return followed_; };
  }

  std::mt19937_64 random_;
  Snapshot store_;
  Millis moment_ = 1;
  bool followed_ = false;
  Revision stamp_ = 0;
};

TEST_CASE("the law holds under random commands, proposals, reports and changes of nodes") {
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    World world(seed);
    for (int step = 0; step < 300; ++step) {
      CAPTURE(step);
      world.step();
    }
    for (const auto& [what, count] : world.seen) seen[what] += count;
  }
  // What was never reached was not tested.
  const std::vector<std::string> expected{"unit lost a race",
                                          "stopped what served",
                                          "recreated",
                                          "assigned",
                                          "lost",
                                          "command OK",
                                          "command ABORTED",
                                          "command ALREADY_EXISTS",
                                          "command NOT_FOUND",
                                          "report OK",
                                          "report UNAVAILABLE",
                                          "item 0 OK",
                                          "item 0 ABORTED",
                                          "item 1 OK",
                                          "item 1 ABORTED",
                                          "item 1 FAILED_PRECONDITION",
                                          "item 2 OK",
                                          "item 3 OK",
                                          "item 3 FAILED_PRECONDITION",
                                          "item 4 OK",
                                          "item 4 FAILED_PRECONDITION",
                                          "item 5 OK",
                                          "item 5 FAILED_PRECONDITION",
                                          "item 6 OK",
                                          "item 6 FAILED_PRECONDITION",
                                          "item 7 OK",
                                          "item 7 FAILED_PRECONDITION",
                                          "item 7 ABORTED",
                                          "item 8 OK",
                                          "item 8 FAILED_PRECONDITION",
                                          "item 9 OK",
                                          "item 9 FAILED_PRECONDITION",
                                          "item 9 ABORTED",
                                          "item 10 OK",
                                          "item 10 ABORTED",
                                          "item 11 OK",
                                          "item 11 FAILED_PRECONDITION",
                                          "rollout COMPLETED",
                                          "rollout FAILED",
                                          "rollout SUPERSEDED",
                                          "went back",
                                          "switched what serves",
                                          "withdrawn, then stopped",
                                          "control 1 OK",
                                          "control 2 OK",
                                          "control 3 OK",
                                          "control 4 OK",
                                          "control 5 OK",
                                          "control 6 OK",
                                          "control 1 FAILED_PRECONDITION",
                                          "control 3 FAILED_PRECONDITION",
                                          "control 4 FAILED_PRECONDITION",
                                          "control 5 INVALID_ARGUMENT"};
  for (const std::string& what : expected) {
    CAPTURE(what);
    CHECK(seen[what] > 0);
  }
}

}  // namespace
}  // namespace cloudless::workload_state
