// One SQLite connection and its statements, without exceptions: every failure is an Error that names the file
// and says what to do. For sqlite_engine only; one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "messages/domain/error.hpp"

namespace cloudless::store {

class SqliteDatabase;

/// A prepared statement: bind, then step() until it is false, then it is ready to be bound again.
class SqliteStatement {
 public:
  SqliteStatement() = default;

  /// Parameters count from 1. Text and blobs must live until the statement has been stepped to its end.
  void bind(int index, std::int64_t value);
  void bind_text(int index, std::string_view value);
  void bind_blob(int index, std::string_view value);

  /// True: a row is there; false: done, and reset. After an error it is reset too.
  Result<bool> step();
  /// For statements without rows.
  Result<void> run();
  /// Gives up the remaining rows.
  void reset();

  /// Columns count from 0; the views end with the next step.
  std::int64_t integer(int column) const;
  std::string_view bytes(int column) const;

 private:
  friend class SqliteDatabase;
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  SqliteStatement(const SqliteDatabase* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  const SqliteDatabase* database_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteDatabase {
 public:
  /// Opens or creates the file. `vfs`: the name of a registered VFS, "" for the operating system's.
  static Result<std::unique_ptr<SqliteDatabase>> open(const std::string& path, const std::string& vfs);

  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  /// One or more statements of ours, without parameters.
  Result<void> execute(const char* sql);
  Result<SqliteStatement> prepare(const char* sql);
  /// The first column of the first row of a statement of ours; 0 if there is none.
  Result<std::int64_t> query_integer(const char* sql);

  /// Rolls back if a transaction is open.
  void rollback();

  /// The Error for the last call's result; see engine.hpp for the codes.
  Error error(int code) const;
  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  SqliteDatabase(std::string path, sqlite3* db) : path_(std::move(path)), db_(db) {}

  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace cloudless::store
