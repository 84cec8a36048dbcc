// The tables of the store, and how an older file becomes a present one. Every step is one transaction, noted
// in the table schema_history; a file that a newer version has changed is refused and left as it is.
#pragma once

#include <string>
#include <vector>

#include "actors/store/sqlite_database.hpp"

namespace cloudless::store {

/// Step number n (from 1) leads from version n - 1 to n. SQL of ours; never changed once released.
using Migrations = std::vector<const char*>;

/// The steps that this version knows.
const Migrations& store_migrations();

/// Brings the file to the last of these steps. FAILED_PRECONDITION: it was changed by a newer version;
/// DATA_LOSS: it is an SQLite file of somebody else.
Result<void> migrate(SqliteDatabase& database, const Migrations& steps);

}  // namespace cloudless::store
