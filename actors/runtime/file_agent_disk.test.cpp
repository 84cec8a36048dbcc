#include "actors/runtime/file_agent_disk.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "actors/runtime/assignment_file.hpp"

namespace cloudless::runtime {
namespace {

/// A folder of its own, removed at the end.
struct TestFolder {
  std::string path;
  TestFolder() {
    char name[] = "/tmp/cloudless-disk.XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

Result<std::string> load(AgentDisk& disk) {
  std::promise<Result<std::string>> answer;
  disk.load([&](Result<std::string> bytes) { answer.set_value(std::move(bytes)); });
  return answer.get_future().get();
}

Result<Nothing> save(AgentDisk& disk, const std::string& bytes) {
  std::promise<Result<Nothing>> answer;
  disk.save(bytes, [&](Result<Nothing> result) { answer.set_value(std::move(result)); });
  return answer.get_future().get();
}

}  // namespace

TEST_CASE("what is saved is loaded, also by a later agent") {
  TestFolder folder;
  const std::string state_dir = folder.path + "/made/on/demand";
  {
    auto disk = make_file_agent_disk(state_dir);
    REQUIRE(disk);
    CHECK(load(**disk).error().code == Errc::not_found);
    CHECK(save(**disk, "first"));
    CHECK(save(**disk, "second"));
  }
  auto disk = make_file_agent_disk(state_dir);
  REQUIRE(disk);
  CHECK(load(**disk) == "second");
}

TEST_CASE("a write that was torn at any byte leaves the old set") {
  TestFolder folder;
  auto disk = make_file_agent_disk(folder.path);
  REQUIRE(disk);
  const std::string old = frame_agent_file("old set"), fresh = frame_agent_file("a newer and longer set");
  REQUIRE(save(**disk, old));
  for (std::size_t written = 0; written <= fresh.size(); ++written) {
    CAPTURE(written);
    std::ofstream(folder.path + "/agent-state.new", std::ios::binary | std::ios::trunc)
        << fresh.substr(0, written);
    const auto read = load(**disk);
    REQUIRE(read);
    CHECK(unframe_agent_file(*read) == "old set");
  }
  CHECK(save(**disk, fresh));
  CHECK(load(**disk) == fresh);
}

TEST_CASE("a file of a newer version is not opened, so that it cannot be overwritten; a damaged one is") {
  const TestFolder folder;
  std::string newer = frame_agent_file("a set");
  newer.replace(newer.find("1\n"), 1, "2");
  std::ofstream(folder.path + "/agent-state", std::ios::binary) << newer;
  const auto refused = make_file_agent_disk(folder.path);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK_MESSAGE(refused.error().message.find("written by a newer version") != std::string::npos,
                refused.error().message);
  std::ofstream(folder.path + "/agent-state", std::ios::binary) << "no state at all";
  CHECK(make_file_agent_disk(folder.path));
}

TEST_CASE("a folder that cannot be made is said so at once") {
  TestFolder folder;
  std::ofstream(folder.path + "/file") << "in the way";
  const auto disk = make_file_agent_disk(folder.path + "/file/state");
  REQUIRE_FALSE(disk);
  CHECK(disk.error().code == Errc::failed_precondition);
}

}  // namespace cloudless::runtime
