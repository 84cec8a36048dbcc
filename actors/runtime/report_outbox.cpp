#include "actors/runtime/report_outbox.hpp"

#include <utility>

namespace cloudless::runtime {

void ReportOutbox::put(ReplicaReport report, Millis now) {
  auto& entry = entries_[report.replica];
  report.sequence = entry.report.sequence;
  if (report.sequence != 0 && report == entry.report) return;
  const bool same_phase =
      report.sequence != 0 && report.phase == entry.report.phase && report.attempt == entry.report.attempt;
  report.sequence = ++last_sequence_;
  // Others wait for what a tag was found to stand for.
  const bool found = report.phase == Phase::preparing && !report.image_digest.empty();
  const bool passing = !found && (report.phase == Phase::preparing || report.phase == Phase::starting);
  const auto told = same_phase ? entry.told : std::nullopt;
  const Millis due = found ? 0 : told ? *told + kChangePause : passing ? now + kSettle : 0;
  entry = {std::move(report), false, due, same_phase, told};
}

void ReportOutbox::forget(const ReplicaId& replica) {
  entries_.erase(replica);
}

void ReportOutbox::link_up(std::uint64_t incarnation) {
  incarnation_ = incarnation;
  linked_ = true;
  for (auto& [replica, entry] : entries_) {
    entry.acknowledged = false;
    entry.due = 0;
  }
}

void ReportOutbox::link_down() {
  linked_ = false;
}

void ReportOutbox::acknowledge(const ReportAck& ack) {
  if (ack.incarnation != incarnation_) return;
  for (const auto& item : ack.items) {
    auto found = entries_.find(item.replica);
    if (found != entries_.end() && found->second.report.sequence == item.sequence)
      found->second.acknowledged = true;
  }
}

std::vector<NodeReport> ReportOutbox::take_due(Millis now) {
  std::vector<NodeReport> out;
  if (!linked_) return out;
  for (auto& [replica, entry] : entries_) {
    if (entry.acknowledged || entry.due > now) continue;
    entry.due = now + kRepeat;
    if (entry.changed) entry.told = now;
    if (out.empty() || out.back().replicas.size() == kBatch) out.push_back({node_, incarnation_, {}});
    out.back().replicas.push_back(entry.report);
  }
  return out;
}

std::optional<Millis> ReportOutbox::next_due() const {
  std::optional<Millis> next;
  if (!linked_) return next;
  for (const auto& [replica, entry] : entries_)
    if (!entry.acknowledged && (!next || entry.due < *next)) next = entry.due;
  return next;
}

bool ReportOutbox::acknowledged(const ReplicaId& replica) const {
  auto found = entries_.find(replica);
  return found != entries_.end() && found->second.acknowledged;
}

}  // namespace cloudless::runtime
