#include "chaos/simulator/commit_checker.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "chaos/simulator/place_law.hpp"

namespace cloudless::sim {
namespace {

bool serves(const Snapshot& view, const Workload& workload, const Replica& r, Millis moment) {
  const auto node = view.node(r.node);
  const bool is_in = r.phase == Phase::running && r.ready && r.serving && r.stop == StopCause::none &&
                     r.withdrawn == StopCause::none;
  const bool is_asked = workload.serving_version == 0 || workload.serving_version == r.version;
  return is_in && is_asked && node != nullptr && node->state == NodeState::ready &&
         r.ready_at <= moment - workload.spec.rollout.min_ready;
}

/// Why it is on its way out; none if it is not.
StopCause leaves_for(const Replica& r) {
  return r.stop != StopCause::none ? r.stop : r.withdrawn;
}

bool has_floor(StopCause cause, const Workload& workload) {
  if (workload.deleted || cause == StopCause::node_lost || cause == StopCause::deleted) return false;
  return cause != StopCause::recreate || workload.spec.rollout.strategy != RolloutStrategy::recreate;
}

/// So many commits after the last news a decision knows of them: fewer are ever under way.
constexpr Revision kUnderWay = 24;

bool is_live(const Replica& r) {
  return !r.node.empty() && !is_terminal(r.phase) && !r.is_leaving();
}

template <class T>
std::shared_ptr<const T> record_of(const Change& change) {
  return change.record ? std::get<std::shared_ptr<const T>>(*change.record) : nullptr;
}

std::string at(const Replica& r) {
  return r.id.value + " (attempt " + std::to_string(r.attempt) + ", " + to_string(r.phase) + ", stop " +
         to_string(r.stop) + ")";
}

}  // namespace

std::uint32_t available(const Snapshot& view, const WorkloadUid& uid, Millis moment) {
  const auto workload = view.workload(uid);
  const auto all = view.replicas_of(uid);
  return static_cast<std::uint32_t>(std::count_if(
      all.begin(), all.end(), [&](const auto& r) { return serves(view, *workload, *r, moment); }));
}

std::uint32_t floor_of(const WorkloadSpec& spec) {
  const std::uint64_t n = spec.replicas;
  if (spec.rollout.min_available)
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, *spec.rollout.min_available));
  const auto& away = spec.rollout.max_unavailable;
  if (!away) return static_cast<std::uint32_t>(n < 2 ? n : n - 1);
  const std::uint64_t may_miss = away->percent ? n * away->value / 100 : away->value;
  return static_cast<std::uint32_t>(n - std::min(n, may_miss));
}

Breaches CommitChecker::check(const Snapshot& before, const Commit& commit, const Snapshot& after) {
  breaches_.clear();
  voluntarily_stopped_.clear();
  if (commit.revision != before.revision() + 1)
    broken("revisions follow one another", std::to_string(commit.revision));
  if (commit.changes.size() > kMaxCommitChanges)
    broken("a commit is at most 100 records", std::to_string(commit.changes.size()));
  note_news(before, commit);
  for (const auto& change : commit.changes) {
    switch (change.key.kind) {
      case RecordKind::workload:
        check_workload(before, change, after);
        break;
      case RecordKind::replica:
        check_replica(before, change, after);
        break;
      case RecordKind::node:
        check_node(before, change);
        break;
      case RecordKind::version:
        check_version(before, change, after);
        break;
      case RecordKind::cluster_meta:
        if (!before.cluster_id().empty()) broken("the cluster's identity never changes", before.cluster_id());
        break;
      case RecordKind::event:
      case RecordKind::idempotency:
      case RecordKind::secret:
        break;
      case RecordKind::rollout:
        check_rollout(before, change, after);
        break;
    }
  }
  check_floors(before, after);
  return std::move(breaches_);
}

void CommitChecker::check_workload(const Snapshot& before, const Change& change, const Snapshot& after) {
  const WorkloadUid uid{change.key.id};
  const auto old = before.workload(uid);
  const auto now = record_of<Workload>(change);
  const std::string name = now ? now->ns + "/" + now->name : uid.value;
  if (!now) {
    if (old && !old->deleted) broken("only a deleted workload is forgotten", name);
    if (!after.replicas_of(uid).empty()) broken("a tombstone stays until its replicas are gone", name);
    return;
  }
  if (!old) {
    if (!seen_workloads_.insert(uid).second) broken("a workload's uid is never used again", uid.value);
    if (before.workload(now->ns, now->name)) broken("a name belongs to one workload", name);
    if (!after.version(uid, now->version)) broken("a workload's version is stored", name);
    next_ordinal_[uid] = 0;
    return;
  }
  if (old->deleted && !now->deleted) broken("what is deleted stays deleted", name);
  if (now->ns != old->ns || now->name != old->name) broken("a workload keeps its name", name);
  if (now->next_ordinal < old->next_ordinal) broken("ordinals are never used again", name);
  if (now->revision < old->revision) broken("a workload's revision only grows", name);
  const bool written =
      !(now->spec == old->spec) || now->deleted != old->deleted || now->version != old->version;
  if (written != (now->revision != old->revision))
    broken("a workload's revision moves with user writes only", name);
  if (!now->deleted && !after.version(uid, now->version)) broken("a workload's version is stored", name);
  check_turn(*old, *now, before, after);
  check_switch(*old, *now, before, after);
}

/// Another version becomes current by a rollout, and by nothing else.
void CommitChecker::check_turn(const Workload& old, const Workload& now, const Snapshot& before,
                               const Snapshot& after) {
  const std::string name = now.ns + "/" + now.name;
  const bool turned = now.version != old.version;
  if (now.latest_version < old.latest_version || now.version > now.latest_version)
    broken("a version's number is given once", name);
  if (!turned && !(now.spec.pod == old.spec.pod)) broken("a version numbers a template", name);
  const auto version = after.version(now.uid, now.version);
  if (version && !(version->pod == now.spec.pod)) broken("a version numbers a template", name);
  if (turned && !before.version(now.uid, now.version) && now.version != old.latest_version + 1)
    broken("a new template gets the next number", name);
  if (now.rollout == 0) return;
  if (now.rollout != old.rollout + (turned ? 1 : 0)) broken("another version is a rollout", name);
  const auto rollout = after.rollout(now.uid, now.rollout);
  if (!rollout || rollout->to_version != now.version)
    broken("the newest rollout goes to the current version", name);
  const auto before_it = turned ? after.rollout(now.uid, old.rollout) : nullptr;
  if (before_it && before_it->is_active()) broken("one rollout goes on at a time", name);
}

/// One version serves instead of another: enough of it must be ready.
void CommitChecker::check_switch(const Workload& old, const Workload& now, const Snapshot& before,
                                 const Snapshot& after) {
  if (now.serving_version == old.serving_version || now.serving_version == 0 || now.deleted) return;
  const auto rollout = after.rollout(now.uid, now.rollout);
  const Millis moment = rollout ? rollout->mark : std::numeric_limits<Millis>::max();
  Workload switched = old;
  switched.serving_version = now.serving_version;
  for (const auto& r : before.replicas_of(now.uid))
    if (serves(before, old, *r, moment) && !serves(before, switched, *r, moment))
      voluntarily_stopped_.emplace(now.uid, moment);
}

void CommitChecker::check_rollout(const Snapshot& before, const Change& change, const Snapshot& after) {
  const auto slash = change.key.id.find('/');
  const WorkloadUid uid{change.key.id.substr(0, slash)};
  const auto number = std::stoull(change.key.id.substr(slash + 1));
  const auto old = before.rollout(uid, number);
  const auto now = record_of<Rollout>(change);
  const auto workload = after.workload(uid);
  const std::string name = "rollout " + change.key.id;
  if (!now) {
    if (workload && workload->rollout == number) broken("the newest rollout is kept", name);
    if (old && old->is_active() && workload && !workload->deleted)
      broken("a rollout that goes on is kept", name);
    return;
  }
  if (!workload || workload->rollout < number) broken("rollouts are numbered one by one", name);
  if (workload && workload->rollout != number && now->is_active())
    broken("one rollout goes on at a time", name);
  if (now->is_active() != (now->ended_at == 0)) broken("what is over has ended", name);
  if (now->state == RolloutState::completed)
    if (const auto version = after.version(uid, now->to_version); !version || !version->proven)
      broken("a version is proven by a complete rollout", name);
  if (!old) {
    if (!now->is_active() || now->paused || now->promoted) broken("a rollout begins active", name);
    const auto was = before.workload(uid);
    if (now->from_version != (was ? was->version : 0)) broken("a rollout says where it comes from", name);
    return;
  }
  if (old->state != now->state && !old->is_active() &&
      !(old->state == RolloutState::failed && now->state == RolloutState::completed))
    broken("a rollout ends once", name);
  if (old->cause != now->cause || old->from_version != now->from_version ||
      old->to_version != now->to_version || old->started_at != now->started_at)
    broken("a rollout stays what it is", name);
  if (old->promoted && !now->promoted) broken("a promotion is never taken back", name);
  if (now->mark < old->mark) broken("store time never goes back", name);
  if (now->paused && now->state == RolloutState::failed && old->is_active())
    broken("a paused rollout does not fail", name);
}

void CommitChecker::check_version(const Snapshot& before, const Change& change, const Snapshot& after) {
  const auto slash = change.key.id.find('/');
  const WorkloadUid uid{change.key.id.substr(0, slash)};
  const auto number = std::stoull(change.key.id.substr(slash + 1));
  const auto old = before.version(uid, number);
  if (const auto now = record_of<Version>(change)) {
    if (!old) return;
    Version pinned = *old;
    if (pinned.image_digest.empty()) pinned.image_digest = now->image_digest;
    if (now->proven) pinned.proven = true;
    if (pinned != *now) broken("a version never changes, and its image is pinned once", change.key.id);
    return;
  }
  if (const auto workload = after.workload(uid); workload && workload->version == number)
    broken("a version stays as long as it is current", change.key.id);
  for (const auto& r : after.replicas_of(uid))
    if (r->version == number) broken("a version stays as long as a replica needs it", r->id.value);
}

void CommitChecker::check_replica(const Snapshot& before, const Change& change, const Snapshot& after) {
  const auto old = before.replica(ReplicaId{change.key.id});
  const auto now = record_of<Replica>(change);
  if (!now) {
    if (old && !is_terminal(old->phase)) broken("only a replica that ended is forgotten", at(*old));
    return;
  }
  if (!after.workload(now->workload) || !after.version(now->workload, now->version))
    broken("a replica has its workload and its version", at(*now));
  if (const auto version = after.version(now->workload, now->version);
      version && now->phase == Phase::running && now->image_digest != version->image_digest)
    broken("all replicas of a version run the same bytes",
           at(*now) + " runs " + now->image_digest + ", pinned is " + version->image_digest);
  if (!old) return check_birth(*now);
  check_step(before, *old, *now);
  check_stop(before, *old, *now, after);
  if (old->node.empty() && !now->node.empty()) check_place(before, *now, after);
}

void CommitChecker::check_birth(const Replica& now) {
  auto& next = next_ordinal_[now.workload];
  if (now.ordinal < next) broken("ordinals are never used again", at(now));
  next = std::max(next, now.ordinal + 1);
  if (now.phase != Phase::pending || !now.node.empty() || now.stop_requested())
    broken("a replica is born PENDING", at(now));
}

void CommitChecker::check_step(const Snapshot& before, const Replica& old, const Replica& now) {
  const std::string step = at(old) + " -> " + at(now);
  if (now.workload != old.workload || now.ordinal != old.ordinal || now.version != old.version)
    broken("a replica keeps its identity", step);
  if (!old.node.empty() && now.node != old.node) broken("a replica runs on one node", step);
  if (now.node.empty() != (now.phase == Phase::pending) && !(now.node.empty() && is_terminal(now.phase)))
    broken("a replica has a node once it is assigned", step);
  if (is_terminal(old.phase)) {
    if (!(now == old)) broken("a replica dies once", step);
    return;
  }
  const bool moved = now.phase != old.phase || now.attempt != old.attempt;
  if (now.attempt < old.attempt) broken("an attempt is never taken back", step);
  if (now.attempt == old.attempt && now.phase < old.phase) broken("phases only grow within an attempt", step);
  if (now.attempt > old.attempt && now.phase < Phase::preparing)
    broken("a new attempt begins with PREPARING", step);
  const auto stamp = std::tuple(now.node_incarnation, now.report_sequence);
  const auto old_stamp = std::tuple(old.node_incarnation, old.report_sequence);
  if (stamp < old_stamp) broken("a stale report changes nothing", step);
  const bool reported =
      (moved && now.phase != Phase::assigned && now.phase != Phase::lost && !now.node.empty()) ||
      (now.ready && !old.ready);
  if (reported && stamp == old_stamp) broken("only a newer report moves a replica", step);
  if (const auto node = before.node(now.node); node && now.node_incarnation > node->incarnation)
    broken("a report names an incarnation that exists", step);
  if (now.ready && now.stop_requested()) broken("a replica on its way out is not ready", step);
}

void CommitChecker::check_stop(const Snapshot& before, const Replica& old, const Replica& now,
                               const Snapshot& after) {
  const std::string step = at(old) + " -> " + at(now);
  if (old.stop_requested() && now.stop != old.stop) broken("a stop is never taken back", step);
  if (old.withdrawn != StopCause::none && now.withdrawn != old.withdrawn)
    broken("a withdrawal is never taken back", step);
  if (!old.serving && now.serving) broken("what served its time never serves again", step);
  if (now.is_leaving() && now.serving) broken("what is on its way out does not serve", step);
  const auto node = before.node(old.node);
  const bool node_away = !old.node.empty() && (!node || node->state == NodeState::offline);
  const bool lost_now = now.phase == Phase::lost && old.phase != Phase::lost;
  const bool node_came_back = node && node->incarnation > old.node_incarnation;
  if (lost_now && !node_away && !node_came_back)
    broken("LOST is committed only for a node that is away or came back without it", step);
  if (now.stop_requested() && !old.stop_requested() && old.withdrawn != StopCause::none &&
      now.stop != old.withdrawn && !node_away)
    broken("a stop has the cause that it was withdrawn for", step);
  // What matters is decided once: by the withdrawal if there is one.
  if (!now.is_leaving() || old.is_leaving()) return;
  const auto workload = after.workload(now.workload), was = before.workload(now.workload);
  if (!workload || !was) return;
  const StopCause cause = leaves_for(now);
  if (cause == StopCause::deleted && !workload->deleted) broken("a stop names its true cause", step);
  if (cause == StopCause::node_lost && !node_away) broken("a stop names its true cause", step);
  if (!workload->deleted) check_cause(before, old, now, *workload);
  const bool replaced = cause == StopCause::rollout || cause == StopCause::recreate;
  if (replaced && now.version == workload->version && !workload->deleted)
    broken("a stop names its true cause", step);
  const auto rollout = before.rollout(now.workload, workload->rollout);
  if (replaced && !workload->deleted && rollout && rollout->is_active() && rollout->paused)
    broken("a paused rollout replaces nothing", step);
  if (has_floor(cause, *workload) && serves(before, *was, old, now.withdrawn_at))
    voluntarily_stopped_.emplace(now.workload, now.withdrawn_at);
}

/// Of the causes that have to do with places.
void CommitChecker::check_cause(const Snapshot& before, const Replica& old, const Replica& now,
                                const Workload& workload) {
  const std::string step = at(old) + " -> " + at(now);
  const auto node = before.node(old.node);
  const auto version = before.version(old.workload, old.version);
  const StopCause cause = leaves_for(now);
  if (cause == StopCause::drain && !(node && node->draining)) broken("a stop names its true cause", step);
  if (cause == StopCause::taint && !(node && version && evicts(*node, version->pod)))
    broken("a stop names its true cause", step);
  if (cause == StopCause::rebalance && old.evict != StopCause::rebalance)
    broken("a stop names its true cause", step);
  if (cause != StopCause::preempted) return;
  const auto winner = before.replica(now.preempted_for);
  const auto its = winner ? before.workload(winner->workload) : nullptr;
  if (!its || winner->phase != Phase::pending || winner->is_leaving() ||
      its->spec.priority <= workload.spec.priority)
    broken("a place is taken for one of higher priority that waits", step);
}

void CommitChecker::note_news(const Snapshot& before, const Commit& commit) {
  now_ = commit.revision;
  for (const auto& change : commit.changes) {
    if (change.key.kind == RecordKind::node) {
      const auto old = before.node(NodeId{change.key.id});
      const auto now = record_of<Node>(change);
      if (!old || !now || old->schedulable_revision != now->schedulable_revision) node_changed_ = now_;
    } else if (change.key.kind == RecordKind::workload) {
      const auto old = before.workload(WorkloadUid{change.key.id});
      const auto now = record_of<Workload>(change);
      if (old && now && old->spec.labels == now->spec.labels &&
          old->spec.all_or_nothing == now->spec.all_or_nothing)
        continue;
      restated_ = now_;
    } else if (change.key.kind == RecordKind::replica) {
      const auto old = before.replica(ReplicaId{change.key.id});
      const auto now = record_of<Replica>(change);
      if (!old) born_[ReplicaId{change.key.id}] = now_;
      if (!now) born_.erase(ReplicaId{change.key.id});
      if (old && is_live(*old) && (!now || !is_live(*now))) somebody_left_ = now_;
    }
  }
}

void CommitChecker::check_place(const Snapshot& before, const Replica& now, const Snapshot& after) {
  const auto node = before.node(now.node);
  const auto version = before.version(now.workload, now.version);
  if (!node) return broken("an assignment names a node that exists", at(now));
  if (!version) return broken("a replica has its workload and its version", at(now));
  const std::string where = at(now) + " on " + now.node.value + ": ";
  if (const auto why = closed_to(*node, version->pod); !why.empty())
    broken("an assignment meets what is asked of the node", where + why);
  if (const auto why = taken_from(after, *node, now); !why.empty())
    broken("no assignment takes what a node has not, or others have", where + why);
  if (const auto why = shared_gpu(after, *node); !why.empty())
    broken("a GPU is whole, or shares of it are no more than it", where + why);
  const auto gpus = static_cast<std::size_t>(version->pod.requests.gpu_count) +
                    (version->pod.requests.gpu_milli > 0 ? 1 : 0);
  if (now.gpus->size() != gpus) broken("a replica has the GPUs that it asks for", at(now));
  if (now_ < restated_ + kUnderWay) return;
  if (const auto why = kept_apart(after, *node, now); !why.empty())
    broken("an assignment respects who must be apart", where + why);
  check_gang(now, after);
  // What others do while a decision is under way may upset a balance that it relied on.
  if (now_ < std::max(node_changed_, somebody_left_) + kUnderWay) return;
  if (const auto why = out_of_balance(after, *node, now); !why.empty())
    broken("an assignment keeps the balance that it found", where + why);
}

/// Those that waited with it got their places in the same commit.
void CommitChecker::check_gang(const Replica& now, const Snapshot& after) {
  const auto workload = after.workload(now.workload);
  if (!workload || !workload->spec.all_or_nothing || workload->deleted) return;
  for (const auto& r : after.replicas_of(now.workload))
    if (r->version == now.version && r->phase == Phase::pending && !r->is_leaving() &&
        born_[r->id] + kUnderWay < now_)
      broken("all of a gang are placed in one commit", at(now) + " without " + at(*r));
}

void CommitChecker::check_node(const Snapshot& before, const Change& change) {
  const auto old = before.node(NodeId{change.key.id});
  const auto now = record_of<Node>(change);
  if (!now) return;
  for (const auto& taint : now->taints) {
    if (taint.effect != TaintEffect::no_execute) continue;
    const auto since = now->no_execute_since.find(taint.key);
    const bool is_known = since != now->no_execute_since.end() && since->second > 0;
    const auto was = old ? old->no_execute_since.find(taint.key) : since;
    if (!is_known || (old && was != old->no_execute_since.end() && was->second != since->second))
      broken("a node remembers since when it evicts", change.key.id + " " + taint.key);
  }
  if (!old) {
    if (now->schedulable_revision == 0 || now->revision == 0)
      broken("a node's revisions begin above 0", change.key.id);
    return;
  }
  if (now->incarnation < old->incarnation) broken("a node's incarnation only grows", change.key.id);
  if (now->revision < old->revision || now->schedulable_revision < old->schedulable_revision)
    broken("a node's revisions only grow", change.key.id);
  const bool matters = now->state != old->state || now->cordoned != old->cordoned ||
                       now->draining != old->draining || now->labels != old->labels ||
                       now->taints != old->taints ||
                       !(now->description.allocatable == old->description.allocatable);
  if (matters && now->schedulable_revision == old->schedulable_revision)
    broken("the schedulable revision moves with what assignments rely on", change.key.id);
}

void CommitChecker::check_floors(const Snapshot& before, const Snapshot& after) {
  for (const auto& [uid, moment] : voluntarily_stopped_) {
    const auto workload = after.workload(uid);
    if (!workload || workload->deleted) continue;
    const auto left = available(after, uid, moment), floor = floor_of(workload->spec);
    if (left < floor)
      broken("voluntary actions stay above min_available",
             workload->name + ": " + std::to_string(available(before, uid, moment)) + " -> " +
                 std::to_string(left) + " serve, the floor is " + std::to_string(floor));
  }
}

}  // namespace cloudless::sim
