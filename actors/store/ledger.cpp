#include "actors/store/ledger.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cloudless::store {
namespace {

const char* name_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::cluster_meta:
      return "cluster";
    case RecordKind::workload:
      return "workload";
    case RecordKind::version:
      return "version";
    case RecordKind::replica:
      return "replica";
    case RecordKind::node:
      return "node";
    case RecordKind::event:
      return "event";
    case RecordKind::idempotency:
      return "idempotency key";
    case RecordKind::rollout:
    case RecordKind::secret:
      return "secret";
  }
  return "record";
}

std::string describe_mismatch(const Precondition& wanted, std::uint64_t present) {
  const std::string what = std::string(name_of(wanted.key.kind)) + " " + wanted.key.id;
  if (present == 0) return what + " no longer exists; read it again and repeat";
  if (wanted.guard == 0) return what + " exists already; read it again and repeat";
  return what + " has changed (expected " + std::to_string(wanted.guard) + ", is " + std::to_string(present) +
         "); read it again and repeat";
}

}  // namespace

Ledger::Ledger(Snapshot loaded)
    : published_(std::make_shared<const Snapshot>(loaded)), head_(std::move(loaded)) {}

void Ledger::close_epoch(const std::string& owner, std::uint64_t epoch) {
  auto& closed = closed_epochs_.try_emplace(owner, epoch).first->second;
  closed = std::max(closed, epoch);
}

Result<Revision> Ledger::submit(const Submission& submission) {
  if (const auto closed = closed_epochs_.find(submission.owner);
      closed != closed_epochs_.end() && submission.epoch <= closed->second)
    return fail(Errc::unavailable,
                "an earlier commit of " + submission.owner + " was refused; nothing was changed, try again");
  if (submission.changes.empty() || submission.changes.size() > kMaxCommitChanges) {
    close_epoch(submission.owner, submission.epoch);
    return fail(Errc::invalid_argument, "a commit of " + submission.owner + " has " +
                                            std::to_string(submission.changes.size()) + " changes; 1 to " +
                                            std::to_string(kMaxCommitChanges) + " are allowed: split it");
  }
  for (const auto& precondition : submission.preconditions) {
    if (precondition.key.kind == RecordKind::idempotency) continue;
    const auto present = head_.guard(precondition.key);
    if (present == precondition.guard) continue;
    close_epoch(submission.owner, submission.epoch);
    return fail(Errc::aborted, describe_mismatch(precondition, present));
  }
  Commit commit{head_.revision() + 1, submission.changes};
  head_.apply(commit);
  waiting_.push_back({submission.owner, submission.epoch, std::move(commit), head_});
  return head_.revision();
}

std::shared_ptr<const std::vector<Commit>> Ledger::start_batch(std::size_t limit) {
  if (running_ || waiting_.empty()) return nullptr;
  const auto count = std::min(limit, waiting_.size());
  std::vector<Commit> commits;
  commits.reserve(count);
  running_owners_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    Waiting& next = waiting_.front();
    if (i + 1 == count) after_running_ = std::make_shared<const Snapshot>(std::move(next.after));
    commits.push_back(std::move(next.commit));
    running_owners_.emplace_back(std::move(next.owner), next.epoch);
    waiting_.pop_front();
  }
  running_ = std::make_shared<const std::vector<Commit>>(std::move(commits));
  return running_;
}

DurableBatch Ledger::finish_batch() {
  assert(running_);
  DurableBatch out{published_->revision(), std::exchange(running_, nullptr), after_running_};
  published_ = std::exchange(after_running_, nullptr);
  running_owners_.clear();
  return out;
}

void Ledger::drop_in_flight() {
  for (const auto& [owner, epoch] : running_owners_) close_epoch(owner, epoch);
  for (const auto& waiting : waiting_) close_epoch(waiting.owner, waiting.epoch);
  running_.reset();
  after_running_.reset();
  running_owners_.clear();
  waiting_.clear();
  head_ = *published_;
}

}  // namespace cloudless::store
