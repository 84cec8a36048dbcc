// An engine for tests: a map. Its contents can outlive it, so that a test restarts a store as a process
// would.
#pragma once

#include <map>
#include <memory>

#include "actors/store/engine.hpp"

namespace cloudless::store {

struct MemoryContents {
  struct Row {
    std::string value;
    WallMillis expires_at = 0;
  };
  Revision revision = 0;
  std::map<Key, Row> rows;
  /// What the next commit() answers instead of storing anything; Errc::none: nothing is wrong.
  Error next_commit_fails{Errc::none, {}, {}};
};

/// An engine over these contents; they live as long as anybody holds them.
std::unique_ptr<Engine> memory_engine(
    std::shared_ptr<MemoryContents> contents = std::make_shared<MemoryContents>());

}  // namespace cloudless::store
