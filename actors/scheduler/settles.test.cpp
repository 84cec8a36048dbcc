// The scheduler beside the other cores that it works with: the owner's law, the rollout, and nodes that do
// what they are told, step by step in one thread.
#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

#include "actors/rollout/reconcile.hpp"
#include "actors/scheduler/preempt.hpp"
#include "actors/scheduler/scheduler.hpp"
#include "actors/workload_state/budget.hpp"
#include "actors/workload_state/command.hpp"
#include "actors/workload_state/proposal.hpp"
#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;

namespace {

class Cluster {
 public:
  explicit Cluster(std::uint64_t seed) : random_(seed) {
    test::SnapshotBuilder nodes;
    for (std::uint64_t n = 2 + pick(3); n > 0; --n)
      nodes.node("n" + std::to_string(n), [&](Node& node) {
        node.ordinal = n;
        node.description.zone = "z" + std::to_string(n % 2);
        node.description.allocatable.cpu_millicores = 500 + static_cast<std::int64_t>(pick(1000));
      });
    head_ = nodes.view();
    scheduler_.load(std::make_shared<const Snapshot>(head_));
  }

  void create(const std::string& name) {
    WorkloadSpec spec;
    spec.pod.image = "image:1";
    spec.pod.requests = Resources{50 + static_cast<std::int64_t>(pick(450)), 1 << 20, 0, 0, 0};
    spec.replicas = 1 + static_cast<std::uint32_t>(pick(5));
    spec.priority = static_cast<std::uint32_t>(pick(4));
    spec.all_or_nothing = pick(4) == 0;
    if (pick(3) != 0) spec.rollout.min_available = static_cast<std::uint32_t>(pick(2));
    if (pick(4) == 0) spec.pod.placement.max_skew = 1;
    owner::Plan plan(head_);
    REQUIRE(workload_state::apply(plan, WorkloadCommand{{}, CreateWorkload{"default", name, spec}}, stamp(),
                                  unfollowed));
    commit(plan);
  }

  /// Everybody looks once. False: nobody did anything.
  bool step() {
    now_ += 500;
    const auto before = head_.revision();
    head_.workloads().for_each(
        [&](const WorkloadUid& uid, const std::shared_ptr<const Workload>&) { uids_.insert(uid); });
    for (const auto& uid : uids_)
      if (const auto workload = head_.workload(uid)) judge(rollout::reconcile(head_, *workload, now_).items);
    scheduler_.look_at_everything();
    judge(scheduler_.propose(100, now_));
    obey();
    return head_.revision() != before;
  }

  std::size_t evictions() const { return evictions_; }
  std::size_t gangs() const { return gangs_; }
  std::size_t refused() const { return refused_; }

  /// Nobody waits who could have a place, free or of somebody of lower priority.
  void check_settled() {
    scheduler::Model model;
    model.load(head_);
    scheduler::Compiled compiled(model);
    std::size_t waiting = 0;
    for (const auto& pending : model.pending()) {
      ++waiting;
      CHECK_FALSE(model.replica(pending.slot)->reason.empty());
      if (head_.workload(pending.slot.workload)->spec.all_or_nothing) continue;
      CHECK_FALSE(compiled.best(pending.slot, now_).has_value());
      CHECK_FALSE(scheduler::cheapest_eviction(model, pending.slot, now_).has_value());
    }
    waited_ += waiting;
  }
  std::size_t waited_ = 0;

 private:
  static bool unfollowed(const Workload&) { return false; }
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  workload_state::Stamp stamp() { return {++stamps_, static_cast<WallMillis>(now_), now_}; }

  void commit(owner::Plan& plan) {
    for (auto& unit : plan.take_units()) apply(std::move(unit.changes));
  }
  void apply(std::vector<Change> changes) {
    const Commit commit{head_.revision() + 1, std::move(changes)};
    head_.apply(commit);
    scheduler_.apply({commit}, std::make_shared<const Snapshot>(head_));
  }

  void judge(std::vector<ProposalItem> items) {
    if (items.empty()) return;
    const auto before = available();
    owner::Plan plan(head_);
    const auto answers =
        workload_state::apply(plan, Proposal{"test", head_.revision(), items}, stamp(), unfollowed);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (const auto* stop = std::get_if<StopReplica>(&items[i]);
          stop != nullptr && stop->cause == StopCause::preempted) {
        CHECK_MESSAGE(answers[i].code == Errc::none, answers[i].message);
        ++evictions_;
      }
      if (std::holds_alternative<AssignReplica>(items[i]) || std::holds_alternative<AssignGang>(items[i]))
        CHECK_MESSAGE(answers[i].code == Errc::none, answers[i].message);
      gangs_ += std::holds_alternative<AssignGang>(items[i]) ? 1 : 0;
      refused_ += answers[i].code == Errc::none ? 0 : 1;
    }
    commit(plan);
    for (const auto& [uid, count] : available()) {
      const auto workload = head_.workload(uid);
      const auto floor = bounds_of(workload->spec.rollout, workload->spec.replicas).min_available;
      CHECK((count >= floor || count >= before.at(uid)));
    }
  }

  std::map<WorkloadUid, std::uint32_t> available() const {
    std::map<WorkloadUid, std::uint32_t> out;
    head_.workloads().for_each([&](const WorkloadUid& uid, const std::shared_ptr<const Workload>& workload) {
      out[uid] = workload_state::availability_of(head_, *workload, now_).counting;
    });
    return out;
  }

  /// Nodes start what is assigned; what is told to stop ends now or later.
  void obey() {
    std::vector<std::shared_ptr<const Replica>> replicas;
    head_.replicas().for_each([&](const ReplicaSlot&, const std::shared_ptr<const Replica>& r) {
      if (!r->node.empty() && !is_terminal(r->phase)) replicas.push_back(r);
    });
    for (const auto& r : replicas) {
      Replica next = *r;
      if (r->stop_requested() && pick(3) == 0) {
        next.phase = Phase::stopped;
        next.ended_at = now_;
      } else if (!r->is_leaving() && r->phase == Phase::assigned) {
        next.phase = Phase::running;
        next.attempt = 1;
        next.ready = next.was_ready = true;
        next.running_at = next.ready_at = next.first_ready_at = now_;
      }
      if (next != *r) apply({put(std::make_shared<const Replica>(std::move(next)))});
    }
  }

  std::mt19937_64 random_;
  Snapshot head_;
  scheduler::Scheduler scheduler_;
  std::set<WorkloadUid> uids_;
  Millis now_ = 1'000'000;
  Revision stamps_ = 100;
  std::size_t evictions_ = 0, gangs_ = 0, refused_ = 0;
};

}  // namespace

TEST_CASE(
    "Scheduler, rollout and owner settle: every eviction is lawful, and nobody waits who could have a "
    "place") {
  std::size_t evictions = 0, gangs = 0, waited = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Cluster cluster(seed);
    for (int w = 0; w < 7; ++w) {
      cluster.create("w" + std::to_string(w));
      for (int i = 0; i < 8; ++i) cluster.step();
    }
    int steps = 0, quiet = 0;
    while (quiet < 8 && ++steps < 400) quiet = cluster.step() ? 0 : quiet + 1;
    CHECK(steps < 400);
    cluster.check_settled();
    CHECK(cluster.evictions() < 100);
    evictions += cluster.evictions();
    gangs += cluster.gangs();
    waited += cluster.waited_;
  }
  CHECK(evictions > 50);
  CHECK(gangs > 30);
  CHECK(waited > 50);
}
