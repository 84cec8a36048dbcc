// The embedded store: one SQLite file beside its write-ahead log, locked for as long as the engine lives, so
// that a second coordinator cannot open it. A commit() that succeeded survives the end of the process and of
// the power.
#pragma once

#include <memory>
#include <string>

#include "actors/store/engine.hpp"

namespace cloudless::store {

struct SqliteOptions {
  /// The name of a registered SQLite VFS; "": the operating system's files. The simulator names its
  /// SimulatedDisk.
  std::string vfs;
  /// False: nothing waits for the disk, and a loss of power loses data. Only for tests that show what that
  /// costs.
  bool wait_for_disk = true;
};

/// Opens or creates the store. UNAVAILABLE: the file cannot be opened, or another process has it;
/// FAILED_PRECONDITION: a newer version has written it; DATA_LOSS: it is damaged, or not ours;
/// RESOURCE_EXHAUSTED: no space.
Result<std::unique_ptr<Engine>> open_sqlite_engine(const std::string& path,
                                                   const SqliteOptions& options = {});

}  // namespace cloudless::store
