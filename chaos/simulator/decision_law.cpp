#include "chaos/simulator/decision_law.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "chaos/simulator/place_law.hpp"

namespace cloudless::sim {
namespace {

class DecisionLaw {
 public:
  DecisionLaw(const Snapshot& seen, Millis now) : sure_(seen), hoped_(seen), now_(now) {}

  void operator()(const AssignReplica& item) {
    const auto replica = sure_.replica(item.replica);
    const auto workload = replica ? sure_.workload(replica->workload) : nullptr;
    if (workload && workload->spec.all_or_nothing)
      broken("all of a gang are placed in one step", item.replica.value + " alone");
    check_place(item);
  }

  void operator()(const AssignGang& item) {
    if (item.members.empty()) return broken("a gang has members", "none");
    const auto first = sure_.replica(item.members.front().replica);
    std::set<ReplicaId> members;
    for (const auto& member : item.members) {
      const auto replica = sure_.replica(member.replica);
      members.insert(member.replica);
      if (!first || !replica || replica->workload != first->workload || replica->version != first->version)
        broken("a gang is of one version", member.replica.value);
      check_place(member);
    }
    if (!first || item.members.size() == kMaxGang) return;
    for (const auto& r : sure_.replicas_of(first->workload))
      if (r->version == first->version && r->phase == Phase::pending && !r->is_leaving() &&
          !members.contains(r->id))
        broken("all of a gang are placed in one step", first->id.value + " without " + r->id.value);
  }

  void operator()(const StopReplica& item) {
    const auto victim = sure_.replica(item.replica), winner = sure_.replica(item.for_replica);
    const auto loses = victim ? sure_.workload(victim->workload) : nullptr;
    const auto wins = winner ? sure_.workload(winner->workload) : nullptr;
    const bool waits = winner && winner->phase == Phase::pending && !winner->is_leaving();
    if (item.cause != StopCause::preempted || !loses || !wins || !waits ||
        wins->spec.priority <= loses->spec.priority)
      return broken("a place is taken for one of higher priority that waits",
                    item.replica.value + " for " + item.for_replica.value);
    if (is_terminal(victim->phase) || victim->is_leaving() || victim->node.empty())
      broken("who is stopped for another has a place", item.replica.value);
    Replica leaving = *victim;
    leaving.stop = StopCause::preempted;
    hoped_.apply(put(std::make_shared<const Replica>(std::move(leaving))));
    if (wins->spec.all_or_nothing) gangs_.emplace(winner->workload, winner->version);
  }

  void operator()(const ExplainPending& item) {
    const auto replica = sure_.replica(item.replica);
    if (!replica || replica->phase != Phase::pending || item.reason.empty())
      broken("who waits is told why", item.replica.value);
  }

  template <class Other>
  void operator()(const Other&) {
    broken("the scheduler places, stops for others and gives reasons", "something else");
  }

  /// After all items.
  Breaches take() {
    for (const auto& [uid, version] : gangs_) check_gang_fits_then(uid, version);
    return std::move(breaches_);
  }

 private:
  void check_place(const AssignReplica& item) {
    const auto replica = sure_.replica(item.replica);
    const auto node = sure_.node(item.node);
    const auto version = replica ? sure_.version(replica->workload, replica->version) : nullptr;
    const std::string where = item.replica.value + " on " + item.node.value + ": ";
    if (!version || !node || replica->phase != Phase::pending || replica->is_leaving())
      return broken("a place is for one that waits, on a node that exists", where);
    if (node->schedulable_revision != item.schedulable_revision)
      broken("a place names the node as it was seen", where);
    const auto judge = [&](const char* invariant, const std::string& why) {
      if (!why.empty()) broken(invariant, where + why);
    };
    judge("a decision meets what is asked of the node", closed_to(*node, version->pod));
    judge("a decision takes what the node has free", taken_from(sure_, *node, *replica));
    judge("a decision leaves a node alone where its like has failed", failed_here(*replica, item.node));
    // Whether those who are told to stop in the same batch go or not.
    for (const auto* view : {&sure_, &hoped_}) {
      judge("a decision respects who must be apart", kept_apart(*view, *node, *replica));
      judge("a decision keeps company and balance", out_of_balance(*view, *node, *replica));
    }
    Replica placed = *replica;
    placed.phase = Phase::assigned;
    placed.node = item.node;
    placed.gpus = item.gpus;
    for (auto* view : {&sure_, &hoped_}) view->apply(put(std::make_shared<const Replica>(placed)));
    const auto wanted = static_cast<std::size_t>(version->pod.requests.gpu_count) +
                        (version->pod.requests.gpu_milli > 0 ? 1 : 0);
    if (std::set(item.gpus.begin(), item.gpus.end()).size() != wanted || item.gpus.size() != wanted)
      broken("a decision gives the GPUs that are asked for", where);
    judge("a decision gives a GPU once, or shares of it", shared_gpu(sure_, *node));
  }

  /// Those it waits for would be too few. Amounts alone are looked at.
  void check_gang_fits_then(const WorkloadUid& uid, std::uint64_t number) {
    const auto version = sure_.version(uid, number);
    std::size_t waiting = 0, places = 0;
    for (const auto& r : sure_.replicas_of(uid))
      if (r->version == number && r->phase == Phase::pending && !r->is_leaving()) ++waiting;
    waiting = std::min<std::size_t>(waiting, kMaxGang);
    hoped_.nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& node) {
      if (!closed_to(*node, version->pod).empty()) return;
      Resources room = node->description.reservable();
      for (const auto& r : hoped_.replicas_on(id)) {
        const auto of = hoped_.version(r->workload, r->version);
        if (of && !is_terminal(r->phase) && !r->is_leaving()) room -= of->pod.requests;
      }
      for (; places < waiting && version->pod.requests.fits(room); ++places) room -= version->pod.requests;
    });
    if (places < waiting)
      broken("others are stopped for a gang only if then all of it fits",
             uid.value + ": " + std::to_string(places) + " places for " + std::to_string(waiting));
  }

  /// 10 s after the first failure of its version there, twice as long after each further one, at most 5 min.
  std::string failed_here(const Replica& replica, const NodeId& node) const {
    Millis last = 0, pause = 5000;
    for (const auto& r : sure_.replicas_of(replica.workload)) {
      if (r->version != replica.version || r->node != node || r->phase != Phase::failed) continue;
      last = std::max(last, r->ended_at);
      pause = std::min<Millis>(2 * pause, 300'000);
    }
    if (pause == 5000 || now_ >= last + pause) return {};
    return "the last one FAILED " + std::to_string(now_ - last) + " ms ago";
  }

  void broken(std::string invariant, std::string what) {
    breaches_.push_back({std::move(invariant), std::move(what)});
  }

  Snapshot sure_;   // with the places of this batch so far
  Snapshot hoped_;  // and with its stops
  Millis now_;
  std::set<std::pair<WorkloadUid, std::uint64_t>> gangs_;  // that others are stopped for
  Breaches breaches_;
};

}  // namespace

Breaches check_decision(const Snapshot& seen, const std::vector<ProposalItem>& items, Millis now) {
  if (items.empty()) return {};
  DecisionLaw law(seen, now);
  for (const auto& item : items) std::visit(law, item);
  return law.take();
}

}  // namespace cloudless::sim
