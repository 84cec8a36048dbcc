#include "gateway/history.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "messages/domain/node_trouble.hpp"

namespace cloudless::gateway {
namespace {

using WorkloadPtr = std::shared_ptr<const Workload>;

/// Goes through commits one change at a time and notes who is touched. What the commits changed so far lies
/// over `before`.
class Toucher {
 public:
  explicit Toucher(const Snapshot& before) : before_(before) {}

  std::vector<Touch> take(const std::vector<Commit>& commits) {
    for (const auto& commit : commits) {
      revision_ = commit.revision;
      first_of_commit_ = touches_.size();
      for (const auto& change : commit.changes) note(change);
    }
    return std::move(touches_);
  }

 private:
  void note(const Change& change) {
    switch (change.key.kind) {
      case RecordKind::workload:
        note_workload(WorkloadUid{change.key.id},
                      change.record ? std::get<WorkloadPtr>(*change.record) : nullptr);
        break;
      case RecordKind::replica:
        if (auto slot = slot_of(ReplicaId{change.key.id})) {
          touched(slot->workload);
          if (change.record)
            placed_[std::get<std::shared_ptr<const Replica>>(*change.record)->node].insert(slot->workload);
        }
        break;
      case RecordKind::node:
        note_node(NodeId{change.key.id},
                  change.record ? std::get<std::shared_ptr<const Node>>(*change.record) : nullptr);
        break;
      case RecordKind::cluster_meta:
      case RecordKind::version:
      case RecordKind::event:
      case RecordKind::idempotency:
      case RecordKind::secret:
        break;
      case RecordKind::rollout:
        if (change.record) touched(std::get<std::shared_ptr<const Rollout>>(*change.record)->workload);
        break;
    }
  }

  void note_workload(const WorkloadUid& uid, const WorkloadPtr& after) {
    const auto known = workloads_.find(uid);
    const auto before = known == workloads_.end() ? before_.workload(uid) : known->second;
    workloads_[uid] = after;
    auto& touch = touched(uid);
    if (!before) {
      touch.kind = Touch::Kind::created;
    } else if (!after) {
      touch.kind = Touch::Kind::erased;
      touch.was = before;
    } else if (before->spec.labels != after->spec.labels && touch.kind == Touch::Kind::changed) {
      touch.kind = Touch::Kind::relabelled;
      touch.was = before;
    }
  }

  /// Replicas count or not by their node's state (ARCHITECTURE.md, rule 3), and wait because of its trouble.
  void note_node(const NodeId& id, const std::shared_ptr<const Node>& after) {
    const auto known = nodes_.find(id);
    const auto before = known == nodes_.end() ? before_.node(id) : known->second;
    nodes_[id] = after;
    if (before && after && before->state == after->state && trouble_of(*before) == trouble_of(*after)) return;
    for (const auto& replica : before_.replicas_on(id))
      if (!is_terminal(replica->phase)) touched(replica->workload);
    if (const auto placed = placed_.find(id); placed != placed_.end())
      for (const auto& uid : placed->second) touched(uid);
  }

  Touch& touched(const WorkloadUid& uid) {
    for (auto i = first_of_commit_; i < touches_.size(); ++i)
      if (touches_[i].uid == uid) return touches_[i];
    touches_.push_back({revision_, uid, Touch::Kind::changed, nullptr});
    return touches_.back();
  }

  const Snapshot& before_;
  std::map<WorkloadUid, WorkloadPtr> workloads_;
  std::map<NodeId, std::shared_ptr<const Node>> nodes_;
  std::map<NodeId, std::set<WorkloadUid>> placed_;
  Revision revision_ = 0;
  std::size_t first_of_commit_ = 0;
  std::vector<Touch> touches_;
};

}  // namespace

std::vector<Touch> touches_of(const Snapshot& before, const std::vector<Commit>& commits) {
  return Toucher(before).take(commits);
}

void History::restart(Revision at) {
  touches_.clear();
  batches_.clear();
  oldest_ = newest_ = at;
}

void History::append(std::vector<Touch> touches, Revision upto, Millis now) {
  newest_ = upto;
  if (touches.empty() && !batches_.empty()) {
    batches_.back().upto = upto;
  } else {
    batches_.push_back({upto, now, touches.size()});
  }
  for (auto& touch : touches) touches_.push_back(std::move(touch));
  while (touches_.size() > limits_.keep_touches) forget_front();
  forget_old(now);
}

void History::forget_old(Millis now) {
  while (!batches_.empty() && batches_.front().at + limits_.keep_for < now) forget_front();
}

void History::forget_front() {
  const auto& batch = batches_.front();
  oldest_ = batch.upto;
  touches_.erase(touches_.begin(), touches_.begin() + static_cast<std::ptrdiff_t>(batch.touches));
  batches_.pop_front();
}

std::optional<History::Page> History::after(Revision position, std::size_t limit) const {
  if (position < oldest_) return std::nullopt;
  Page page;
  page.upto = newest_;
  auto it = std::upper_bound(touches_.begin(), touches_.end(), position,
                             [](Revision r, const Touch& touch) { return r < touch.revision; });
  std::map<WorkloadUid, Change> by_uid;
  std::size_t looked_at = 0;
  for (Revision previous = position; it != touches_.end(); ++it, ++looked_at) {
    if (looked_at >= limit && it->revision != previous) {
      page.upto = previous;
      break;
    }
    previous = it->revision;
    auto& change = by_uid[it->uid];
    change.uid = it->uid;
    change.revision = it->revision;
    if (it->kind == Touch::Kind::created) change.created = true;
    if (it->was && !change.before) change.before = it->was;
    if (it->kind == Touch::Kind::erased) {
      change.erased = true;
      change.last = it->was;
    }
  }
  for (auto& [uid, change] : by_uid) page.changes.push_back(std::move(change));
  std::stable_sort(page.changes.begin(), page.changes.end(),
                   [](const Change& a, const Change& b) { return a.revision < b.revision; });
  return page;
}

}  // namespace cloudless::gateway
