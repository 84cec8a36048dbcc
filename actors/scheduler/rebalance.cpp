#include "actors/scheduler/rebalance.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>

#include "actors/scheduler/compile.hpp"
#include "actors/scheduler/remedy.hpp"

namespace cloudless::scheduler {
namespace {

/// A rule between the replica and where it is. Cordons keep others away, and what failed there runs now.
bool is_broken_by_staying(Filter filter) {
  return filter != Filter::state && filter != Filter::failed_here;
}

class Rebalance {
 public:
  Rebalance(const Snapshot& view, const RebalanceOptions& options, Millis now)
      : view_(view), options_(options), now_(now) {
    model_.load(view);
  }

  RebalancePlan run() {
    for (const auto& candidate : candidates()) {
      if (out_.moves.size() >= options_.budget) break;
      move(candidate.slot);
    }
    return std::move(out_);
  }

 private:
  struct Candidate {
    ReplicaSlot slot;
    bool breaks_rule = false;
    std::int64_t gain = 0;
    /// Most useful first.
    bool operator<(const Candidate& other) const {
      return std::tuple(!breaks_rule, -gain, slot) < std::tuple(!other.breaks_rule, -other.gain, other.slot);
    }
  };

  bool may_be_moved(const Replica& replica) const {
    if (replica.phase != Phase::running || replica.is_leaving() || replica.evict != StopCause::none)
      return false;
    const auto workload = view_.workload(replica.workload);
    if (!workload || workload->deleted || (!options_.ns.empty() && workload->ns != options_.ns)) return false;
    if (workload->spec.pod.restart.mode != RestartMode::always) return false;
    const auto node = view_.node(replica.node);
    return node && node->state == NodeState::ready && !node->draining;
  }

  std::vector<Candidate> candidates() {
    std::vector<Candidate> out;
    view_.replicas().for_each([&](const ReplicaSlot& slot, const std::shared_ptr<const Replica>& replica) {
      if (!may_be_moved(*replica)) return;
      ++out_.considered;
      const auto target = lift(slot);
      if (auto candidate = candidate_of(slot, replica->node, target)) out.push_back(*candidate);
      model_.withdraw(slot);
    });
    std::sort(out.begin(), out.end());
    return out;
  }

  /// Takes the replica out and says where its replacement would go: that starts first, where there is room
  /// for both, and finds the old one still there.
  std::optional<Pick> lift(const ReplicaSlot& slot) {
    auto target = compiled_.best(slot, now_);
    model_.lift(slot);
    return target ? target : compiled_.best(slot, now_);
  }

  /// Of a replica that is lifted; absent: it had better stay.
  std::optional<Candidate> candidate_of(const ReplicaSlot& slot, const NodeId& here,
                                        const std::optional<Pick>& target) const {
    if (!target || target->node == here) return std::nullopt;
    const Demand demand = demand_of(model_, slot, now_);
    const auto rejected = obstacles_of(demand, model_.nodes().at(here)).filters;
    Candidate out{slot, std::any_of(rejected.begin(), rejected.end(), is_broken_by_staying),
                  score_at(demand, target->node) - score_at(demand, here)};
    if (!out.breaks_rule && out.gain < options_.min_gain) return std::nullopt;
    return out;
  }
  std::int64_t score_at(const Demand& demand, const NodeId& node) const {
    return score(demand, model_.nodes().at(node)).total();
  }

  /// Looks again, for what was moved before may have changed it.
  void move(const ReplicaSlot& slot) {
    const auto replica = model_.replica(slot);
    const auto target = lift(slot);
    if (!candidate_of(slot, replica->node, target)) return model_.withdraw(slot);
    const Demand demand = demand_of(model_, slot, now_);
    const NodeView& here = model_.nodes().at(replica->node);
    RebalanceMove move;
    move.replica = replica->id;
    move.workload = replica->workload;
    move.from = replica->node;
    move.to = target->node;
    move.from_terms = score(demand, here);
    move.to_terms = score(demand, model_.nodes().at(target->node));
    for (const auto filter : obstacles_of(demand, here).filters)
      if (is_broken_by_staying(filter)) move.lacks.push_back(explain(filter, demand, here));
    out_.moves.push_back(std::move(move));
    model_.assume(slot, target->node, target->gpus);
  }

  const Snapshot& view_;
  const RebalanceOptions& options_;
  Millis now_;
  Model model_;
  Compiled compiled_{model_};
  RebalancePlan out_;
};

}  // namespace

RebalancePlan plan_rebalance(const Snapshot& view, const RebalanceOptions& options, Millis now) {
  return Rebalance(view, options, now).run();
}

}  // namespace cloudless::scheduler
