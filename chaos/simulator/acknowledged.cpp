#include "chaos/simulator/acknowledged.hpp"

#include <optional>

namespace cloudless::sim {
namespace {

/// The record is as acknowledged or newer; absent is fine once it was deleted.
std::optional<std::string> missing(const Snapshot& view, const WorkloadUid& uid, Revision revision,
                                   const WorkloadSpec& spec, bool deleted) {
  const auto found = view.workload(uid);
  if (!found) return deleted ? std::nullopt : std::optional<std::string>("is not there");
  if (deleted) return found->deleted ? std::nullopt : std::optional<std::string>("is not deleted");
  if (found->deleted) return std::nullopt;
  if (found->revision < revision)
    return "is at revision " + std::to_string(found->revision) + ", acknowledged was " +
           std::to_string(revision);
  if (found->revision == revision && !(found->spec == spec)) return "has another spec than was acknowledged";
  return std::nullopt;
}

std::string row_of(const CommandContext& context) {
  return context.method + "/" + context.ns + "/" + context.idempotency_key;
}

Revision expected_by(const WorkloadCommand& command) {
  if (const auto* update = std::get_if<UpdateWorkload>(&command.action)) return update->expected_revision;
  if (const auto* scale = std::get_if<ScaleWorkload>(&command.action)) return scale->expected_revision;
  if (const auto* remove = std::get_if<DeleteWorkload>(&command.action)) return remove->expected_revision;
  if (const auto* control = std::get_if<ControlRollout>(&command.action)) return control->expected_revision;
  return 0;
}

}  // namespace

Breaches Acknowledged::heard(const WorkloadCommand& command, const CommandReply& reply,
                             const Snapshot& durable) {
  Breaches breaches;
  ++writes_;
  const Workload& w = reply.workload;
  const std::string title = w.ns + "/" + w.name + " (" + command.context.method + ")";
  if (reply.store_revision > durable.revision())
    breaches.push_back({"a write is acknowledged when it is durable",
                        title + ": revision " + std::to_string(reply.store_revision) +
                            " was acknowledged, on the disk is " + std::to_string(durable.revision())});
  if (!command.context.idempotency_key.empty()) {
    const std::string key = row_of(command.context);
    const auto [first, fresh] = by_key_.emplace(key, Keyed{command.context.request_hash, w});
    if (!fresh && !(first->second.answer == w))
      breaches.push_back({"the same idempotency key gets the first answer", title});
    if (!fresh) return breaches;
  }
  const Revision expected = expected_by(command);
  const auto over = written_over_.find({w.uid, w.revision});
  // Pausing, resuming and promoting write the rollout's record, not the workload's.
  if (expected != 0 && w.revision != expected && (over == written_over_.end() || over->second != expected))
    breaches.push_back({"a compare-and-set changes the revision that it names", title});
  auto& last = last_[w.uid];
  if (w.revision >= last.revision) last = {w.revision, w.spec, w.deleted || last.deleted, w.name, title};
  const bool gone_since = !durable.workload(w.uid) && may_be_deleted(w.name);
  if (const auto why = missing(durable, w.uid, w.revision, w.spec, w.deleted || gone_since))
    breaches.push_back({"a write is acknowledged when it is durable", title + " " + *why});
  return breaches;
}

void Acknowledged::sent(const WorkloadCommand& command) {
  if (const auto* remove = std::get_if<DeleteWorkload>(&command.action)) ++deletes_[remove->name];
}

Breaches Acknowledged::refused(const WorkloadCommand& command) {
  const auto* remove = std::get_if<DeleteWorkload>(&command.action);
  if (remove != nullptr && --deletes_[remove->name] == 0) deletes_.erase(remove->name);
  if (command.context.idempotency_key.empty() || !by_key_.contains(row_of(command.context))) return {};
  return {{"the same idempotency key gets the first answer",
           row_of(command.context) + " was acknowledged before"}};
}

void Acknowledged::written(const Workload& before, const Workload& after) {
  if (after.revision != before.revision) written_over_[{after.uid, after.revision}] = before.revision;
}

Breaches Acknowledged::check(const Snapshot& view) const {
  Breaches breaches;
  for (const auto& [uid, write] : last_) {
    // Who deleted it may not have been told yet.
    const bool deleted = write.deleted || (!view.workload(uid) && may_be_deleted(write.name));
    if (const auto why = missing(view, uid, write.revision, write.spec, deleted))
      breaches.push_back({"an acknowledged write survives any crash", write.title + " " + *why});
  }
  return breaches;
}

}  // namespace cloudless::sim
