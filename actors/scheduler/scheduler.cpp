#include "actors/scheduler/scheduler.hpp"

#include <algorithm>
#include <utility>

#include "actors/scheduler/explain.hpp"

namespace cloudless::scheduler {
namespace {

constexpr Millis kExplainEvery = 5000;
constexpr std::size_t kExplainedAtOnce = 100;

/// So that a reason with figures in it does not keep the store busy.
Millis explain_every(std::size_t replicas) {
  return kExplainEvery * static_cast<Millis>(std::max<std::size_t>(1, replicas / kExplainedAtOnce));
}

}  // namespace

/// One look at everything that waits. What it places is assumed in the model until it ends.
class Scheduler::Pass {
 public:
  Pass(Scheduler& scheduler, std::size_t limit, Millis now)
      : s_(scheduler), limit_(limit), now_(now), generation_(scheduler.model_.generation()) {
    ++s_.passes_;
    s_.wake_at_.reset();
  }
  ~Pass() {
    for (const auto& slot : assumed_) s_.model_.withdraw(slot);
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  std::vector<ProposalItem> run() {
    const auto& pending = s_.model_.pending();
    for (auto next = pending.begin(); next != pending.end() && assignments_.size() < limit_;) {
      const ReplicaSlot slot = (next++)->slot;  // placing it takes it out of the list
      look_at(slot);
    }
    if (assignments_.size() < limit_)
      std::erase_if(s_.waiting_, [&](const auto& entry) { return entry.second.pass != s_.passes_; });
    std::vector<ProposalItem> items = std::move(assignments_);
    const std::size_t reasons = std::min(reasons_.size(), limit_ - items.size());
    items.insert(items.end(), reasons_.begin(), reasons_.begin() + static_cast<std::ptrdiff_t>(reasons));
    return items;
  }

 private:
  void look_at(const ReplicaSlot& slot) {
    const auto replica = s_.model_.replica(slot);
    const VersionKey version{slot.workload, replica->version};
    auto known = s_.waiting_.find(version);
    if (known == s_.waiting_.end() || !still_waits(known->second, slot.workload)) {
      if (const auto best = s_.compiled_.best(slot, now_)) return assign(*replica, slot, *best);
      known = s_.waiting_.try_emplace(version).first;
      note(known->second, demand_of(s_.model_, slot, now_));
    }
    Waiting& waiting = known->second;
    waiting.pass = s_.passes_;
    if (replica->reason != waiting.reason && reasons_.size() < limit_)
      reasons_.emplace_back(ExplainPending{replica->id, waiting.reason});
    if (waiting.look_again) wake_by(*waiting.look_again);
    if (waiting.explained_at != generation_) wake_by(explain_at(waiting, slot.workload));
  }

  /// Nothing that could give it a place has happened.
  bool still_waits(const Waiting& waiting, const WorkloadUid& uid) const {
    if (waiting.looked_at != generation_) return false;
    if (waiting.look_again && *waiting.look_again <= now_) return false;
    return waiting.explained_at == generation_ || now_ < explain_at(waiting, uid);
  }

  void note(Waiting& waiting, const Demand& demand) {
    waiting.looked_at = generation_;
    waiting.look_again.reset();
    for (const auto& [node, until] : demand.failed_until)
      waiting.look_again = std::min(waiting.look_again.value_or(until), until);
    const bool due = waiting.explained_at != generation_ && now_ >= explain_at(waiting, demand.workload);
    if (!waiting.reason.empty() && !due) return;
    waiting.reason = in_words(explain_unplaced(demand));
    waiting.explained_at = generation_;
    waiting.explained = now_;
  }

  Millis explain_at(const Waiting& waiting, const WorkloadUid& uid) const {
    return waiting.explained + explain_every(s_.model_.workloads().at(uid).pending.size());
  }

  void assign(const Replica& replica, const ReplicaSlot& slot, const Pick& pick) {
    const auto& node = *s_.model_.nodes().at(pick.node).node;
    assignments_.emplace_back(AssignReplica{replica.id, pick.node, node.schedulable_revision, pick.gpus});
    s_.model_.assume(slot, pick.node, pick.gpus);
    assumed_.push_back(slot);
  }

  void wake_by(Millis at) { s_.wake_at_ = std::min(s_.wake_at_.value_or(at), at); }

  Scheduler& s_;
  std::size_t limit_;
  Millis now_;
  std::uint64_t generation_;
  std::vector<ReplicaSlot> assumed_;
  std::vector<ProposalItem> assignments_, reasons_;
};

void Scheduler::load(SnapshotPtr view) {
  model_.load(*view);
  waiting_.clear();
}

void Scheduler::apply(const std::vector<Commit>& commits, SnapshotPtr after) {
  for (const auto& commit : commits) model_.apply(commit, *after);
}

void Scheduler::look_at_everything() {
  for (auto& [version, waiting] : waiting_) waiting.looked_at = 0;
}

std::vector<ProposalItem> Scheduler::propose(std::size_t limit, Millis now) {
  if (model_.pending().empty()) {
    waiting_.clear();
    wake_at_.reset();
    return {};
  }
  return Pass(*this, limit, now).run();
}

}  // namespace cloudless::scheduler
