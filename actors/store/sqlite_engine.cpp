#include "actors/store/sqlite_engine.hpp"

#include <optional>
#include <utility>

#include "actors/store/sqlite_database.hpp"
#include "actors/store/sqlite_schema.hpp"

namespace cloudless::store {
namespace {

// Exclusive locking keeps the write-ahead log's index in memory instead of a shared file, and holds the lock
// until the end.
constexpr const char* kPragmas =
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000;"
    "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;";

class SqliteEngine final : public Engine {
 public:
  explicit SqliteEngine(std::unique_ptr<SqliteDatabase> database) : database_(std::move(database)) {}

  Result<void> prepare() {
    return prepare(begin_, "BEGIN IMMEDIATE")
        .and_then([this] { return prepare(commit_, "COMMIT"); })
        .and_then([this] {
          return prepare(put_,
                         "INSERT OR REPLACE INTO records (kind, id, revision, expires_at, value) VALUES (?1, "
                         "?2, ?3, ?4, ?5)");
        })
        .and_then([this] { return prepare(erase_, "DELETE FROM records WHERE kind = ?1 AND id = ?2"); })
        .and_then([this] {
          return prepare(prune_,
                         "DELETE FROM records WHERE (kind, id) IN (SELECT kind, id FROM records"
                         " WHERE expires_at > 0 AND expires_at <= ?1 LIMIT ?2)");
        })
        .and_then([this] {
          return prepare(advance_,
                         "UPDATE position SET revision = ?2 WHERE revision = ?1 RETURNING revision");
        })
        .and_then([this] {
          return prepare(range_,
                         "SELECT id, value FROM records WHERE kind = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
        });
  }

  Result<StoredState> load() override {
    StoredState out;
    const auto revision = database_->query_integer("SELECT revision FROM position");
    if (!revision) return fail(revision.error());
    out.revision = static_cast<Revision>(*revision);
    // 6 and 7: events and idempotency rows.
    auto all =
        database_->prepare("SELECT kind, id, value FROM records WHERE kind NOT IN (6, 7) ORDER BY kind, id");
    if (!all) return fail(all.error());
    for (;;) {
      const auto row = all->step();
      if (!row) return fail(row.error());
      if (!*row) break;
      out.records.push_back({Key{static_cast<RecordKind>(all->integer(0)), std::string(all->bytes(1))},
                             std::string(all->bytes(2))});
    }
    // Pages that were read once, for rows that are in memory from now on.
    if (auto freed = database_->execute("PRAGMA shrink_memory"); !freed) return fail(freed.error());
    return out;
  }

  Result<void> commit(const std::vector<EncodedCommit>& batch, WallMillis now) override {
    if (broken_) return fail(*broken_);
    if (batch.empty()) return {};
    auto done = write(batch, now);
    if (!done) {
      database_->rollback();
      if (!can_go_on(done.error(), batch.front().revision - 1)) broken_ = done.error();
    }
    return done;
  }

  Result<std::vector<StoredRecord>> range(RecordKind kind, const std::string& after,
                                          std::size_t limit) override {
    std::vector<StoredRecord> out;
    range_.bind(1, static_cast<std::int64_t>(kind));
    range_.bind_text(2, after);
    range_.bind(3, static_cast<std::int64_t>(limit));
    for (;;) {
      const auto row = range_.step();
      if (!row) return fail(row.error());
      if (!*row) return out;
      out.push_back({Key{kind, std::string(range_.bytes(0))}, std::string(range_.bytes(1))});
    }
  }

 private:
  Result<void> prepare(SqliteStatement& slot, const char* sql) {
    auto statement = database_->prepare(sql);
    if (!statement) return fail(statement.error());
    slot = std::move(*statement);
    return {};
  }

  Result<void> write(const std::vector<EncodedCommit>& batch, WallMillis now) {
    if (auto begun = begin_.run(); !begun) return begun;
    std::size_t changes = 0;
    for (const auto& commit : batch) {
      changes += commit.changes.size();
      for (const auto& change : commit.changes)
        if (auto done = write(change, commit.revision); !done) return done;
    }
    prune_.bind(1, now);
    prune_.bind(2, static_cast<std::int64_t>(changes + 16));
    if (auto pruned = prune_.run(); !pruned) return pruned;
    if (auto advanced = advance(batch); !advanced) return advanced;
    return commit_.run();
  }

  Result<void> write(const EncodedChange& change, Revision revision) {
    auto& statement = change.value ? put_ : erase_;
    statement.bind(1, static_cast<std::int64_t>(change.key.kind));
    statement.bind_text(2, change.key.id);
    if (change.value) {
      statement.bind(3, static_cast<std::int64_t>(revision));
      statement.bind(4, change.expires_at);
      statement.bind_blob(5, *change.value);
    }
    return statement.run();
  }

  /// Fails unless the batch follows what is stored.
  Result<void> advance(const std::vector<EncodedCommit>& batch) {
    Revision before = batch.front().revision - 1;
    advance_.bind(1, static_cast<std::int64_t>(before));
    advance_.bind(2, static_cast<std::int64_t>(batch.back().revision));
    const auto moved = advance_.step();
    if (!moved) return fail(moved.error());
    advance_.reset();
    for (const auto& commit : batch)
      if (!*moved || commit.revision != ++before)
        return fail(Errc::internal, database_->path() + ": commit " + std::to_string(commit.revision) +
                                        " does not follow what is stored");
    return {};
  }

  /// After a full disk the transaction is undone, and what is stored is known: then nothing is lost but this
  /// batch.
  bool can_go_on(const Error& error, Revision stored) {
    if (error.code != Errc::resource_exhausted) return false;
    const auto present = database_->query_integer("SELECT revision FROM position");
    return present && *present == static_cast<std::int64_t>(stored);
  }

  // The statements end before the connection that they belong to.
  std::unique_ptr<SqliteDatabase> database_;
  SqliteStatement begin_, commit_, put_, erase_, prune_, advance_, range_;
  std::optional<Error> broken_;
};

}  // namespace

Result<std::unique_ptr<Engine>> open_sqlite_engine(const std::string& path, const SqliteOptions& options) {
  auto database = SqliteDatabase::open(path, options.vfs);
  if (!database) return fail(database.error());
  auto ready = (*database)
                   ->execute(kPragmas)
                   .and_then([&] {
                     return (*database)->execute(options.wait_for_disk ? "PRAGMA synchronous = FULL"
                                                                       : "PRAGMA synchronous = OFF");
                   })
                   .and_then([&] { return migrate(**database, store_migrations()); });
  if (!ready) return fail(ready.error());
  auto engine = std::make_unique<SqliteEngine>(std::move(*database));
  if (auto prepared = engine->prepare(); !prepared) return fail(prepared.error());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace cloudless::store
