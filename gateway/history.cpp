#include "gateway/history.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>

namespace cloudless::gateway {
namespace {

/// Goes through commits one change at a time and notes who is touched.
class Toucher {
 public:
  explicit Toucher(const Snapshot& before) : state_(before) {}

  std::vector<Touch> take(const std::vector<Commit>& commits) {
    for (const auto& commit : commits) {
      revision_ = commit.revision;
      first_of_commit_ = touches_.size();
      for (const auto& change : commit.changes) note(change);
      state_.apply(commit);
    }
    return std::move(touches_);
  }

 private:
  void note(const Change& change) {
    switch (change.key.kind) {
      case RecordKind::workload: {
        auto& touch = touched(WorkloadUid{change.key.id});
        if (!touch.record_changed) touch.before = state_.workload(touch.uid);
        touch.record_changed = true;
        touch.after = change.record ? std::get<std::shared_ptr<const Workload>>(*change.record) : nullptr;
        break;
      }
      case RecordKind::replica:
        if (auto slot = slot_of(ReplicaId{change.key.id})) touched(slot->workload);
        break;
      case RecordKind::node:
        note_node(change);
        break;
      case RecordKind::cluster_meta:
      case RecordKind::version:
      case RecordKind::event:
      case RecordKind::idempotency:
        break;
    }
  }

  /// Replicas count or not by their node's state (ARCHITECTURE.md, rule 3).
  void note_node(const Change& change) {
    const NodeId id{change.key.id};
    const auto before = state_.node(id);
    const auto after = change.record ? std::get<std::shared_ptr<const Node>>(*change.record) : nullptr;
    if (before && after && before->state == after->state) return;
    for (const auto& replica : state_.replicas_on(id))
      if (!is_terminal(replica->phase)) touched(replica->workload);
  }

  Touch& touched(const WorkloadUid& uid) {
    for (auto i = first_of_commit_; i < touches_.size(); ++i)
      if (touches_[i].uid == uid) return touches_[i];
    touches_.push_back({revision_, uid, false, nullptr, nullptr});
    return touches_.back();
  }

  Snapshot state_;
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
    if (!it->record_changed) continue;
    if (!change.record_changed) change.before = it->before;
    change.record_changed = true;
    change.erased = it->after == nullptr;
    change.last = it->after ? it->after : (change.last ? change.last : it->before);
  }
  for (auto& [uid, change] : by_uid) page.changes.push_back(std::move(change));
  std::stable_sort(page.changes.begin(), page.changes.end(),
                   [](const Change& a, const Change& b) { return a.revision < b.revision; });
  return page;
}

}  // namespace cloudless::gateway
