#include "chaos/simulator/truth.hpp"

#include <utility>

#include "actors/store/engine_job.hpp"
#include "chaos/simulator/hash.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::sim {
namespace {

std::uint64_t digest_of_encoded(const store::EncodedCommit& commit) {
  Hash hash;
  hash.add(commit.revision);
  for (const auto& change : commit.changes) {
    hash.add(static_cast<std::uint64_t>(change.key.kind));
    hash.add(change.key.id);
    hash.add(change.value ? *change.value : "(erased)");
  }
  return hash.value();
}

Result<Commit> decoded(const store::EncodedCommit& encoded) {
  Commit commit{encoded.revision, {}};
  for (const auto& change : encoded.changes) {
    Change out{change.key, std::nullopt};
    if (change.value) {
      Record record;
      if (!codec::decode(change.key.kind, *change.value, record)) return fail(Errc::data_loss, change.key.id);
      out.record = std::move(record);
    }
    commit.changes.push_back(std::move(out));
  }
  return commit;
}

}  // namespace

class ObservedEngine final : public store::Engine {
 public:
  ObservedEngine(std::unique_ptr<store::Engine> inner, Truth& truth, std::shared_ptr<const bool> alive)
      : inner_(std::move(inner)), truth_(truth), alive_(std::move(alive)) {}

  Result<store::StoredState> load() override {
    auto state = inner_->load();
    if (state) truth_.loaded(*state);
    return state;
  }

  Result<void> commit(const std::vector<store::EncodedCommit>& batch, WallMillis now) override {
    if (!*alive_) return fail(Errc::unavailable, "this process has ended");
    auto done = inner_->commit(batch, now);
    if (done)
      truth_.committed(batch);
    else if (done.error().code != Errc::resource_exhausted)
      truth_.in_doubt(batch);
    return done;
  }

  Result<std::vector<store::StoredRecord>> range(RecordKind kind, const std::string& after,
                                                 std::size_t limit) override {
    if (!*alive_) return fail(Errc::unavailable, "this process has ended");
    return inner_->range(kind, after, limit);
  }

 private:
  std::unique_ptr<store::Engine> inner_;
  Truth& truth_;
  std::shared_ptr<const bool> alive_;
};

std::uint64_t digest_of(const Commit& commit) {
  return digest_of_encoded(store::encode(commit));
}

std::uint64_t Truth::digest(Revision revision) const {
  return revision == 0 || revision > digests_.size() ? 0 : digests_[revision - 1];
}

std::unique_ptr<store::Engine> Truth::observe(std::unique_ptr<store::Engine> engine,
                                              std::shared_ptr<const bool> alive) {
  return std::make_unique<ObservedEngine>(std::move(engine), *this, std::move(alive));
}

void Truth::committed(const std::vector<store::EncodedCommit>& batch) {
  for (const auto& encoded : batch) {
    for (const auto& change : encoded.changes) {
      if (!store::in_snapshot(change.key.kind)) continue;
      if (change.value)
        rows_[change.key] = *change.value;
      else
        rows_.erase(change.key);
    }
    digests_.push_back(digest_of_encoded(encoded));
    const auto commit = decoded(encoded);
    if (!commit) return on_breach_({"what is stored can be read", commit.error().message});
    const Snapshot before = view_;
    view_.apply(*commit);
    on_commit_(before, *commit, view_);
  }
}

void Truth::loaded(const store::StoredState& state) {
  if (!in_doubt_.empty() && state.revision == in_doubt_.back().revision) committed(in_doubt_);
  in_doubt_.clear();
  if (state.revision != view_.revision())
    return on_breach_({"an acknowledged write survives any crash",
                       "the disk gives back revision " + std::to_string(state.revision) + " and had stored " +
                           std::to_string(view_.revision())});
  std::map<Key, std::string> found;
  for (const auto& record : state.records) found.emplace(record.key, record.value);
  if (found != rows_)
    on_breach_({"the disk gives back what was stored", "revision " + std::to_string(state.revision)});
}

}  // namespace cloudless::sim
