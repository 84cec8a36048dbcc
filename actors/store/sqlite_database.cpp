#include "actors/store/sqlite_database.hpp"

#include <utility>

namespace cloudless::store {

void SqliteStatement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
}

void SqliteStatement::bind_text(int index, std::string_view value) {
  sqlite3_bind_text64(statement_.get(), index, value.data() != nullptr ? value.data() : "", value.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
}

void SqliteStatement::bind_blob(int index, std::string_view value) {
  sqlite3_bind_blob64(statement_.get(), index, value.data() != nullptr ? value.data() : "", value.size(),
                      SQLITE_STATIC);
}

Result<bool> SqliteStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto error = database_->error(code);
  reset();
  return fail(std::move(error));
}

Result<void> SqliteStatement::run() {
  auto more = step();
  if (!more) return fail(std::move(more.error()));
  reset();
  return {};
}

void SqliteStatement::reset() {
  sqlite3_reset(statement_.get());
}

std::int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view SqliteStatement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  return {data != nullptr ? data : "",
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& path,
                                                             const std::string& vfs) {
  sqlite3* db = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                      vfs.empty() ? nullptr : vfs.c_str());
  std::unique_ptr<SqliteDatabase> out(new SqliteDatabase(path, db));
  if (code != SQLITE_OK) return fail(out->error(code));
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, 500);
  return out;
}

Result<void> SqliteDatabase::execute(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error(code));
  return {};
}

Result<SqliteStatement> SqliteDatabase::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fail(error(code));
  return SqliteStatement(this, statement);
}

Result<std::int64_t> SqliteDatabase::query_integer(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  auto row = statement->step();
  if (!row) return fail(std::move(row.error()));
  return *row ? statement->integer(0) : 0;
}

void SqliteDatabase::rollback() {
  if (sqlite3_get_autocommit(db_.get()) == 0) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Error SqliteDatabase::error(int code) const {
  const std::string why = std::string(db_ ? sqlite3_errmsg(db_.get()) : sqlite3_errstr(code)) + " (SQLite " +
                          std::to_string(code) + ")";
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {
          Errc::resource_exhausted, "the disk under " + path_ + " is full: " + why + "; free some space", {}};
    case SQLITE_BUSY:
      return {Errc::unavailable,
              path_ + " is in use: " + why + "; stop the other coordinator that uses this store",
              {}};
    case SQLITE_CANTOPEN:
      return {Errc::unavailable,
              "cannot open " + path_ + ": " + why + "; check that its directory exists and is writable",
              {}};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {
          Errc::unavailable, "cannot write " + path_ + ": " + why + "; check its owner and permissions", {}};
    case SQLITE_CORRUPT:
      return {Errc::data_loss, path_ + " is damaged: " + why + "; restore it from a backup", {}};
    case SQLITE_NOTADB:
      return {Errc::data_loss,
              path_ + " is not a store of Cloudless: " + why + "; name another file, or restore it",
              {}};
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
      return {Errc::unavailable,
              "input or output on " + path_ + " failed: " + why + "; check the disk, then restart",
              {}};
    default:
      return {Errc::internal, path_ + ": " + why, {}};
  }
}

}  // namespace cloudless::store
