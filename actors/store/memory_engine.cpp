#include "actors/store/memory_engine.hpp"

#include <utility>

namespace cloudless::store {
namespace {

class MemoryEngine final : public Engine {
 public:
  explicit MemoryEngine(std::shared_ptr<MemoryContents> contents) : contents_(std::move(contents)) {}

  Result<StoredState> load() override {
    StoredState out{contents_->revision, {}};
    for (const auto& [key, row] : contents_->rows)
      if (in_snapshot(key.kind)) out.records.push_back({key, row.value});
    return out;
  }

  Result<void> commit(const std::vector<EncodedCommit>& batch, WallMillis now) override {
    if (contents_->next_commit_fails.code != Errc::none)
      return fail(std::exchange(contents_->next_commit_fails, Error{Errc::none, {}, {}}));
    Revision expected = contents_->revision;
    for (const auto& commit : batch)
      if (commit.revision != ++expected)
        return fail(Errc::internal, "commit " + std::to_string(commit.revision) +
                                        " does not follow revision " + std::to_string(expected - 1));
    for (const auto& commit : batch)
      for (const auto& change : commit.changes) {
        if (change.value)
          contents_->rows[change.key] = {*change.value, change.expires_at};
        else
          contents_->rows.erase(change.key);
      }
    std::erase_if(contents_->rows, [now](const auto& entry) {
      return entry.second.expires_at != 0 && entry.second.expires_at <= now;
    });
    contents_->revision = expected;
    return {};
  }

  Result<std::vector<StoredRecord>> range(RecordKind kind, const std::string& after,
                                          std::size_t limit) override {
    std::vector<StoredRecord> out;
    for (auto it = contents_->rows.upper_bound(Key{kind, after});
         it != contents_->rows.end() && it->first.kind == kind && out.size() < limit; ++it)
      out.push_back({it->first, it->second.value});
    return out;
  }

 private:
  std::shared_ptr<MemoryContents> contents_;
};

}  // namespace

std::unique_ptr<Engine> memory_engine(std::shared_ptr<MemoryContents> contents) {
  return std::make_unique<MemoryEngine>(std::move(contents));
}

}  // namespace cloudless::store
