#include "actors/store/sqlite_schema.hpp"

namespace cloudless::store {
namespace {

// "CLDS", kept in the file's header: tells our files from others.
constexpr std::int64_t kApplicationId = 0x434c4453;

constexpr const char* kFirstSchema = R"(
  CREATE TABLE records (
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, id)
  ) WITHOUT ROWID;
  CREATE INDEX records_by_expiry ON records (expires_at) WHERE expires_at > 0;
  CREATE TABLE position (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    revision INTEGER NOT NULL
  );
  INSERT INTO position VALUES (1, 0);
)";

Result<void> claim(SqliteDatabase& database) {
  const auto id = database.query_integer("PRAGMA application_id");
  if (!id) return fail(id.error());
  if (*id == kApplicationId) return {};
  const auto tables = database.query_integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return fail(tables.error());
  if (*id != 0 || *tables != 0)
    return fail(
        Errc::data_loss,
        database.path() + " is a database of another program, not a store of Cloudless; name another file");
  // 1129071699 is kApplicationId: pragmas take no parameters.
  static_assert(kApplicationId == 1129071699);
  return database.execute(
      "PRAGMA application_id = 1129071699;"
      "CREATE TABLE schema_history (version INTEGER PRIMARY KEY)");
}

Result<void> migrate_in_transaction(SqliteDatabase& database, const Migrations& steps) {
  if (auto claimed = claim(database); !claimed) return claimed;
  const auto present = database.query_integer("SELECT coalesce(max(version), 0) FROM schema_history");
  if (!present) return fail(present.error());
  const auto known = static_cast<std::int64_t>(steps.size());
  if (*present > known)
    return fail(
        Errc::failed_precondition,
        database.path() + " has schema version " + std::to_string(*present) +
            ", this coordinator knows up to " + std::to_string(known) +
            ": start the newer coordinator that wrote it, or restore a backup made before the upgrade");
  for (auto version = *present + 1; version <= known; ++version) {
    if (auto done = database.execute(steps[static_cast<std::size_t>(version - 1)]); !done) return done;
    const auto note = "INSERT INTO schema_history VALUES (" + std::to_string(version) + ")";
    if (auto done = database.execute(note.c_str()); !done) return done;
  }
  return {};
}

}  // namespace

const Migrations& store_migrations() {
  static const Migrations kSteps{kFirstSchema};
  return kSteps;
}

Result<void> migrate(SqliteDatabase& database, const Migrations& steps) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
  auto done = migrate_in_transaction(database, steps);
  if (done) done = database.execute("COMMIT");
  if (!done) database.rollback();
  return done;
}

}  // namespace cloudless::store
