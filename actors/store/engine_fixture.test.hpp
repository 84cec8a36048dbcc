// For tests: every engine behind one door, with a place of its own that is cleaned up. A fixture opens
// engines over the same place one after another, as a process that restarts does.
#pragma once

#include <stdlib.h>

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "actors/store/memory_engine.hpp"
#include "actors/store/sqlite_engine.hpp"

namespace cloudless::store {

/// A directory of its own, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "cloudless-store-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

class EngineFixture {
 public:
  EngineFixture(std::string name, std::function<Result<std::unique_ptr<Engine>>()> open)
      : name_(std::move(name)), open_(std::move(open)) {}
  const std::string& name() const { return name_; }
  std::unique_ptr<Engine> open() {
    auto engine = open_();
    REQUIRE_MESSAGE(engine.has_value(), (engine ? "" : engine.error().message));
    return std::move(*engine);
  }

 private:
  std::string name_;
  std::function<Result<std::unique_ptr<Engine>>()> open_;
};

inline void for_each_engine(const std::function<void(EngineFixture&)>& test) {
  const auto contents = std::make_shared<MemoryContents>();
  const TemporaryDirectory directory;
  EngineFixture fixtures[] = {
      {"memory", [&] { return Result<std::unique_ptr<Engine>>(memory_engine(contents)); }},
      {"sqlite", [&] { return open_sqlite_engine(directory.file("store.db")); }},
  };
  for (auto& fixture : fixtures) {
    CAPTURE(fixture.name());
    test(fixture);
  }
}

}  // namespace cloudless::store
