#include "actors/runtime/containerd/log_folder.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace cloudless::runtime {
namespace {

TEST_CASE("a container's log is one, however many files it has, and goes with all of them; strangers stay") {
  char name[] = "/tmp/cloudless-log-folder.XXXXXX";
  const std::string dir = ::mkdtemp(name);
  for (const char* file :
       {"web-1.log", "web-1.log.1", "web-1.log.12", "web-2.log.3", "web-12.log", "notes.txt"})
    std::ofstream(dir + "/" + file) << "text";
  std::set<std::string> seen;
  for (const auto& log : logs_in(dir)) {
    CHECK(log.written_at > 0);
    CHECK(seen.insert(log.container.value).second);
  }
  CHECK(seen == std::set<std::string>{"web-1", "web-2", "web-12"});

  remove_logs(dir, {ContainerId{"web-1"}});
  std::set<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) left.insert(entry.path().filename());
  CHECK(left == std::set<std::string>{"web-2.log.3", "web-12.log", "notes.txt"});
  std::filesystem::remove_all(dir);
  CHECK(logs_in(dir).empty());
}

}  // namespace
}  // namespace cloudless::runtime
