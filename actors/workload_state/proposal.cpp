#include "actors/workload_state/proposal.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/workload_state/begin_rollout.hpp"
#include "actors/workload_state/budget.hpp"
#include "actors/workload_state/reason.hpp"
#include "actors/workload_state/rollout_items.hpp"

namespace cloudless::workload_state {
namespace {

constexpr std::uint32_t kMaxAdded = 100;
constexpr std::int64_t kWholeGpu = 1000;

Error accepted() {
  return {Errc::none, {}, {}};
}
Error refused(Errc code, std::string why) {
  return {code, std::move(why), {}};
}
Error unknown_replica(const ReplicaId& id) {
  return refused(Errc::not_found, "replica " + id.value + " does not exist");
}

/// It is there or has ended by itself, and is not on its way out.
bool fills_a_place(const Replica& r) {
  const bool ended = is_terminal(r.phase) && r.phase != Phase::succeeded && r.phase != Phase::failed;
  return !r.is_leaving() && !ended;
}

/// New replicas are of the current version, or, while a rollout cannot go on, of what it replaces.
bool may_be_added(const Snapshot& now, const Workload& workload, std::uint64_t version) {
  if (!now.version(workload.uid, version)) return false;
  const auto rollout = newest_rollout(now, workload);
  return version == workload.version || version == workload.serving_version ||
         (rollout && version == rollout->from_version);
}

std::string describe_shortage(const Resources& wanted, const Resources& room) {
  std::string out;
  const auto add = [&](const char* what, std::int64_t want, std::int64_t have) {
    if (want <= have) return;
    out += (out.empty() ? "" : ", ") + std::string(what) + " " + std::to_string(want) + " wanted, " +
           std::to_string(have) + " free";
  };
  add("cpu_millicores", wanted.cpu_millicores, room.cpu_millicores);
  add("memory_bytes", wanted.memory_bytes, room.memory_bytes);
  add("storage_bytes", wanted.storage_bytes, room.storage_bytes);
  add("bandwidth_bps", wanted.bandwidth_bps, room.bandwidth_bps);
  add("gpu thousandths", wanted.gpu_thousandths(), room.gpu_thousandths());
  return out;
}

/// What replicas of a node have.
struct Taken {
  Resources reserved;
  std::map<std::uint8_t, std::int64_t> gpus;  // thousandths, by index

  void add(const Resources& amounts, const std::vector<std::uint8_t>& indices) {
    reserved += amounts;
    for (const auto gpu : indices) gpus[gpu] += amounts.gpu_count > 0 ? kWholeGpu : amounts.gpu_milli;
  }
  /// Why these are not the GPUs that the amounts ask for, or not free; empty: they are.
  std::string wrong_gpus(const Resources& amounts, const std::vector<std::uint8_t>& indices,
                         const Resources& node) const {
    const std::size_t wanted = static_cast<std::size_t>(amounts.gpu_count) + (amounts.gpu_milli > 0 ? 1 : 0);
    if (indices.size() != wanted || std::set(indices.begin(), indices.end()).size() != wanted)
      return "gpus " + std::to_string(wanted) + " wanted, " + std::to_string(indices.size()) + " named";
    for (const auto gpu : indices) {
      const auto used = gpus.find(gpu);
      const std::int64_t free = kWholeGpu - (used != gpus.end() ? used->second : 0);
      if (gpu >= node.gpu_count || free < (amounts.gpu_count > 0 ? kWholeGpu : amounts.gpu_milli))
        return "gpu " + std::to_string(gpu) + " is not free for it";
    }
    return {};
  }
};

/// Judges the items of one proposal.
class Judge {
 public:
  Judge(owner::Plan& plan, const Stamp& stamp, const IsFollowed& is_followed)
      : plan_(plan), stamp_(stamp), is_followed_(is_followed), budget_(stamp.moment) {}

  Error operator()(const AddReplicas& item);
  Error operator()(const AssignReplica& item);
  Error operator()(const AssignGang& item);
  Error operator()(const ExplainPending& item);
  Error operator()(const StopReplica& item);
  Error operator()(const ForgetReplica& item);
  Error operator()(const ForgetWorkload& item);
  Error operator()(const ForgetVersion& item);
  Error operator()(const SwitchServing& item) { return judge(plan_, item, budget_, stamp_); }
  Error operator()(const PromoteRollout& item) { return judge(plan_, item, stamp_); }
  Error operator()(const EndRollout& item) { return judge(plan_, item, budget_, stamp_); }
  Error operator()(const MarkTime& item) { return judge(plan_, item, stamp_); }
  Error operator()(const ForgetRollout& item) { return judge(plan_, item); }

 private:
  const Snapshot& head() const { return plan_.now(); }
  void put(Replica replica) { plan_.put(std::make_shared<const Replica>(std::move(replica))); }
  const Resources& requests_of(const Replica& replica);
  Taken& taken_on(const NodeId& id);
  std::uint64_t& places_of(const Workload& workload);
  std::optional<Error> wrong_cause(const Replica& replica, const Workload& workload, StopCause cause,
                                   const Node* node);
  bool must_leave(const Node& node, const Replica& replica, Millis now) const;
  std::optional<Error> wrong_preemption(const Workload& victim, const ReplicaId& winner) const;

  owner::Plan& plan_;
  const Stamp& stamp_;
  const IsFollowed& is_followed_;
  Budget budget_;
  struct {
    WorkloadUid workload;
    std::uint64_t version = 0;
    Resources amounts;
  } requests_;                     // of the version that was asked about last; versions never change
  std::map<NodeId, Taken> taken_;  // of the nodes that this batch assigns to
  std::map<WorkloadUid, std::uint64_t>
      places_;  // that are filled, of the workloads that this batch scales down
};

Error Judge::operator()(const AddReplicas& item) {
  const auto workload = head().workload(item.workload);
  if (!workload) return refused(Errc::not_found, "workload " + item.workload.value + " does not exist");
  if (workload->deleted)
    return refused(Errc::failed_precondition,
                   "workload " + workload->ns + "/" + workload->name + " is deleted");
  if (item.count < 1 || item.count > kMaxAdded)
    return refused(Errc::invalid_argument,
                   "count is " + std::to_string(item.count) + "; 1 to " + std::to_string(kMaxAdded));
  const std::uint64_t seen_version = item.current_version != 0 ? item.current_version : item.version;
  if (seen_version != workload->version || item.first_ordinal != workload->next_ordinal)
    return refused(Errc::aborted, "workload " + workload->ns + "/" + workload->name + " is at version " +
                                      std::to_string(workload->version) + " and next ordinal " +
                                      std::to_string(workload->next_ordinal) + ", not " +
                                      std::to_string(seen_version) + " and " +
                                      std::to_string(item.first_ordinal));
  if (!may_be_added(head(), *workload, item.version))
    return refused(Errc::failed_precondition,
                   "version " + std::to_string(item.version) + " of workload " + workload->ns + "/" +
                       workload->name +
                       " is neither the current one, nor one that the newest rollout comes from, nor the one "
                       "that serves");
  places_.erase(workload->uid);
  const std::uint64_t end = item.first_ordinal + item.count;
  for (std::uint64_t ordinal = item.first_ordinal; ordinal < end;) {
    // The next ordinal moves in every unit that has replicas, so that a unit lost on the way loses only its
    // own.
    const std::uint64_t stop = std::min<std::uint64_t>(end, ordinal + plan_.room() - 1);
    for (; ordinal < stop; ++ordinal) {
      Replica replica;
      replica.workload = workload->uid;
      replica.ordinal = ordinal;
      replica.id = replica_id(workload->name, workload->uid, ordinal);
      replica.version = item.version;
      replica.created_at = stamp_.wall;
      put(std::move(replica));
    }
    Workload moved = *workload;
    moved.next_ordinal = stop;
    plan_.put(std::make_shared<const Workload>(std::move(moved)));
    plan_.seal();
  }
  return accepted();
}

/// Those of one version often come one after the other.
const Resources& Judge::requests_of(const Replica& replica) {
  if (requests_.workload != replica.workload || requests_.version != replica.version) {
    const auto version = head().version(replica.workload, replica.version);
    requests_ = {replica.workload, replica.version, version ? version->pod.requests : Resources{}};
  }
  return requests_.amounts;
}

Taken& Judge::taken_on(const NodeId& id) {
  if (const auto known = taken_.find(id); known != taken_.end()) return known->second;
  auto& taken = taken_[id];
  head().index_of(id).for_each([&](const auto&, const std::shared_ptr<const Replica>& replica) {
    if (!is_terminal(replica->phase)) taken.add(requests_of(*replica), replica->gpus);
  });
  return taken;
}

Error Judge::operator()(const AssignReplica& item) {
  const auto replica = head().replica(item.replica);
  if (!replica) return unknown_replica(item.replica);
  if (replica->phase != Phase::pending || replica->is_leaving())
    return refused(Errc::aborted,
                   "replica " + replica->id.value + " is " + to_string(replica->phase) + ", not PENDING");
  const auto node = head().node(item.node);
  if (!node) return refused(Errc::not_found, "node " + item.node.value + " does not exist");
  if (!node->schedulable())
    return refused(Errc::failed_precondition, "node " + item.node.value + " is " +
                                                  (node->draining   ? "draining"
                                                   : node->cordoned ? "cordoned"
                                                                    : to_string(node->state)));
  if (node->schedulable_revision != item.schedulable_revision)
    return refused(Errc::aborted, "node " + item.node.value + " has changed (schedulable revision " +
                                      std::to_string(node->schedulable_revision) + ", not " +
                                      std::to_string(item.schedulable_revision) + ")");
  const Resources wanted = requests_of(*replica);
  Taken& taken = taken_on(item.node);
  const Resources room = node->description.reservable() - taken.reserved;
  std::string shortage = wanted.fits(room)
                             ? taken.wrong_gpus(wanted, item.gpus, node->description.allocatable)
                             : describe_shortage(wanted, room);
  if (!shortage.empty())
    return refused(Errc::failed_precondition, "node " + item.node.value + " has no room for replica " +
                                                  replica->id.value + ": " + shortage);
  taken.add(wanted, item.gpus);
  Replica assigned = *replica;
  assigned.gpus = item.gpus;
  assigned.phase = Phase::assigned;
  assigned.node = item.node;
  assigned.reason = {};
  put(std::move(assigned));
  plan_.require({node_key(item.node), item.schedulable_revision});
  return accepted();
}

Error Judge::operator()(const AssignGang& item) {
  const Snapshot before = head();
  const auto taken = taken_;
  if (item.members.size() > kMaxGang)
    return refused(Errc::invalid_argument, "a gang of " + std::to_string(item.members.size()) +
                                               " replicas; at most " + std::to_string(kMaxGang));
  for (const auto& member : item.members) {
    const Error answer = (*this)(member);
    if (answer.code == Errc::none) continue;
    plan_.abandon(before);
    taken_ = taken;
    return answer;
  }
  return accepted();
}

Error Judge::operator()(const ExplainPending& item) {
  const auto replica = head().replica(item.replica);
  if (!replica) return unknown_replica(item.replica);
  if (replica->phase != Phase::pending)
    return refused(Errc::aborted,
                   "replica " + replica->id.value + " is " + to_string(replica->phase) + ", not PENDING");
  Replica explained = *replica;
  explained.reason = shortened(item.reason);
  if (explained != *replica) put(std::move(explained));
  return accepted();
}

std::optional<Error> Judge::wrong_preemption(const Workload& victim, const ReplicaId& winner) const {
  const auto replica = head().replica(winner);
  if (!replica) return unknown_replica(winner);
  const auto workload = head().workload(replica->workload);
  if (replica->phase != Phase::pending || replica->is_leaving())
    return refused(Errc::aborted,
                   "replica " + winner.value + " is " + to_string(replica->phase) + ", not PENDING");
  if (workload && workload->spec.priority > victim.spec.priority) return std::nullopt;
  return refused(Errc::failed_precondition, "workload " + victim.ns + "/" + victim.name + " has priority " +
                                                std::to_string(victim.spec.priority) + ", which replica " +
                                                winner.value + " is not above");
}

bool Judge::must_leave(const Node& node, const Replica& replica, Millis now) const {
  const auto version = head().version(replica.workload, replica.version);
  const auto leaves = version ? has_to_leave_at(node, version->pod.placement.tolerations) : std::nullopt;
  return leaves && *leaves <= now;
}

std::uint64_t& Judge::places_of(const Workload& workload) {
  if (const auto known = places_.find(workload.uid); known != places_.end()) return known->second;
  std::uint64_t filled = 0;
  for (const auto& replica : head().replicas_of(workload.uid)) filled += fills_a_place(*replica) ? 1 : 0;
  return places_[workload.uid] = filled;
}

std::optional<Error> Judge::wrong_cause(const Replica& replica, const Workload& workload, StopCause cause,
                                        const Node* node) {
  const std::string name = "workload " + workload.ns + "/" + workload.name;
  switch (cause) {
    case StopCause::none:
      return refused(Errc::invalid_argument, "a stop of replica " + replica.id.value + " names no cause");
    case StopCause::deleted:
      if (workload.deleted) return std::nullopt;
      return refused(Errc::failed_precondition, name + " is not deleted");
    case StopCause::node_lost:
      if (replica.node.empty())
        return refused(Errc::failed_precondition,
                       "replica " + replica.id.value + " has no node that could be lost");
      if (node == nullptr || node->state == NodeState::offline) return std::nullopt;
      return refused(Errc::failed_precondition,
                     "node " + replica.node.value + " is " + to_string(node->state) + ", not OFFLINE");
    case StopCause::scale:
      if (workload.deleted || places_of(workload) > workload.spec.replicas) return std::nullopt;
      return refused(Errc::failed_precondition, name + " has no more replicas than the " +
                                                    std::to_string(workload.spec.replicas) +
                                                    " that are wanted");
    case StopCause::drain:
      if (workload.deleted || (node != nullptr && node->draining)) return std::nullopt;
      return refused(Errc::failed_precondition, "node " + replica.node.value + " is not drained");
    case StopCause::preempted:
      return std::nullopt;  // judged by wrong_preemption
    case StopCause::taint:
      if (workload.deleted || (node != nullptr && must_leave(*node, replica, stamp_.moment)))
        return std::nullopt;
      return refused(Errc::failed_precondition, "node " + replica.node.value + " has no taint that replica " +
                                                    replica.id.value + " has to leave for");
    case StopCause::rebalance:
      if (workload.deleted || replica.evict == StopCause::rebalance) return std::nullopt;
      return refused(Errc::failed_precondition, "replica " + replica.id.value + " is not asked to move");
    case StopCause::rollout:
    case StopCause::recreate:
      if (workload.deleted) return std::nullopt;
      if (const auto rollout = newest_rollout(head(), workload);
          rollout && rollout->is_active() && rollout->paused)
        return refused(Errc::failed_precondition, "rollout " + std::to_string(rollout->number) + " of " +
                                                      name + " is paused; nothing is replaced by it");
      if (replica.version != workload.version) return std::nullopt;
      return refused(Errc::failed_precondition, "replica " + replica.id.value + " has the current version " +
                                                    std::to_string(workload.version) + " of " + name);
  }
  return refused(Errc::invalid_argument, "unknown cause");
}

Error Judge::operator()(const StopReplica& item) {
  const auto replica = head().replica(item.replica);
  if (!replica) return unknown_replica(item.replica);
  const auto workload = head().workload(replica->workload);
  if (!workload) return refused(Errc::not_found, "workload " + replica->workload.value + " does not exist");
  if (is_terminal(replica->phase)) return accepted();
  const auto node = head().node(replica->node);
  // Told already: only giving up its node can still change something.
  const bool gives_up = item.cause == StopCause::node_lost || (!replica->node.empty() && !node);
  if (replica->is_leaving() && !gives_up) return accepted();
  if (auto wrong = wrong_cause(*replica, *workload, item.cause, node.get())) return *wrong;
  if (item.cause == StopCause::preempted)
    if (auto wrong = wrong_preemption(*workload, item.for_replica)) return *wrong;
  if (item.cause != StopCause::node_lost) {
    auto relied_on = budget_.permit(head(), *workload, *replica, item.cause);
    if (!relied_on) return relied_on.error();
    for (auto& precondition : *relied_on) plan_.require(std::move(precondition));
    // Whether the node is still drained, or tainted, is another owner's word.
    if ((item.cause == StopCause::drain || item.cause == StopCause::taint) && node)
      plan_.require({node_key(replica->node), node->schedulable_revision});
  } else if (node) {
    // A node that returns first keeps its replicas.
    plan_.require({node_key(replica->node), node->schedulable_revision});
  }
  if (const auto places = places_.find(workload->uid); places != places_.end() && fills_a_place(*replica))
    --places->second;
  Replica told = told_to_stop(*replica, item.cause, node.get(), is_followed_(*workload), stamp_.moment);
  if (item.cause == StopCause::preempted) told.preempted_for = item.for_replica;
  put(std::move(told));
  return accepted();
}

Error Judge::operator()(const ForgetReplica& item) {
  const auto replica = head().replica(item.replica);
  if (!replica) return accepted();
  if (!is_terminal(replica->phase))
    return refused(Errc::failed_precondition, "replica " + replica->id.value + " is " +
                                                  to_string(replica->phase) + " and has not ended");
  places_.erase(replica->workload);
  plan_.erase(replica_key(replica->id));
  return accepted();
}

Error Judge::operator()(const ForgetWorkload& item) {
  const auto workload = head().workload(item.workload);
  if (!workload) return accepted();
  const std::string name = "workload " + workload->ns + "/" + workload->name;
  if (!workload->deleted) return refused(Errc::failed_precondition, name + " is not deleted");
  if (const auto left = head().replicas_of(workload->uid).size(); left > 0)
    return refused(Errc::failed_precondition, name + " still has " + std::to_string(left) + " replicas");
  // The tombstone goes last: if a unit is lost on the way, this is proposed again.
  for (const auto& rollout : head().rollouts_of(workload->uid)) {
    plan_.erase(rollout_key(rollout->workload, rollout->number));
    plan_.seal();
  }
  for (const auto& version : head().versions_of(workload->uid)) {
    plan_.erase(version_key(version->workload, version->number));
    plan_.seal();
  }
  plan_.erase(workload_key(workload->uid));
  return accepted();
}

Error Judge::operator()(const ForgetVersion& item) {
  if (!head().version(item.workload, item.version)) return accepted();
  const std::string name = "version " + std::to_string(item.version) + " of workload " + item.workload.value;
  if (const auto workload = head().workload(item.workload); workload && workload->version == item.version)
    return refused(Errc::failed_precondition, name + " is the current one");
  for (const auto& replica : head().replicas_of(item.workload))
    if (replica->version == item.version)
      return refused(Errc::failed_precondition, name + " is needed by replica " + replica->id.value);
  plan_.erase(version_key(item.workload, item.version));
  return accepted();
}

}  // namespace

std::vector<Error> apply(owner::Plan& plan, const Proposal& proposal, const Stamp& stamp,
                         const IsFollowed& is_followed) {
  Judge judge(plan, stamp, is_followed);
  std::vector<Error> answers;
  answers.reserve(proposal.items.size());
  for (const auto& item : proposal.items) {
    answers.push_back(std::visit(judge, item));
    plan.seal();
  }
  return answers;
}

}  // namespace cloudless::workload_state
