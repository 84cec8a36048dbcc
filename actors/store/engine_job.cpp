#include "actors/store/engine_job.hpp"

#include <utility>

#include "messages/codec/wire.hpp"

namespace cloudless::store {
namespace {

WallMillis expiry_of(const Record& record) {
  if (const auto* row = std::get_if<std::shared_ptr<const IdempotencyRow>>(&record))
    return (*row)->expires_at;
  if (const auto* event = std::get_if<std::shared_ptr<const Event>>(&record))
    return (*event)->time + kEventRetention;
  return 0;
}

Result<Record> decode(const StoredRecord& stored) {
  Record record;
  if (codec::decode(stored.key.kind, stored.value, record) && key_of(record) == stored.key) return record;
  return fail(Errc::data_loss, "the stored record " + stored.key.id + " of kind " +
                                   std::to_string(static_cast<int>(stored.key.kind)) +
                                   " cannot be read; restore the store from a backup");
}

Result<Outcome> run(Engine& engine, const CommitJob& job) {
  Outcome out;
  std::vector<EncodedCommit> batch;
  batch.reserve(job.commits->size());
  for (const auto& commit : *job.commits) {
    batch.push_back(encode(commit));
    for (const auto& change : batch.back().changes)
      out.bytes += change.key.id.size() + (change.value ? change.value->size() : 0);
  }
  return engine.commit(batch, job.now).map([&out] { return out; });
}

Result<Outcome> run(Engine& engine, const RangeJob& job) {
  const auto rows = engine.range(job.kind, job.after, job.limit);
  if (!rows) return fail(rows.error());
  auto records = std::make_shared<std::vector<Record>>();
  records->reserve(rows->size());
  for (const auto& row : *rows) {
    auto record = decode(row);
    if (!record) return fail(record.error());
    records->push_back(std::move(*record));
  }
  return Outcome{0, std::move(records)};
}

}  // namespace

EncodedCommit encode(const Commit& commit) {
  EncodedCommit out{commit.revision, {}};
  out.changes.reserve(commit.changes.size());
  for (const auto& change : commit.changes) {
    if (change.record)
      out.changes.push_back({change.key, codec::encode(*change.record), expiry_of(*change.record)});
    else
      out.changes.push_back({change.key, std::nullopt, 0});
  }
  return out;
}

EngineAnswer perform(Engine& engine, const EngineJob& job) {
  return {job.id, std::visit([&engine](const auto& work) { return run(engine, work); }, job.work)};
}

Result<Snapshot> load_snapshot(Engine& engine) {
  auto state = engine.load();
  if (!state) return fail(state.error());
  Snapshot out;
  for (const auto& stored : state->records) {
    auto record = decode(stored);
    if (!record) return fail(record.error());
    out.apply(put(std::move(*record)));
  }
  out.set_revision(state->revision);
  return out;
}

}  // namespace cloudless::store
