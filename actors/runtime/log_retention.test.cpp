#include "actors/runtime/log_retention.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace cloudless::runtime {
namespace {

constexpr std::size_t kAttempts = 5;
constexpr WallMillis kNow = 1'700'000'000'000;

LogFile file(const std::string& name, Millis age) {
  return {ContainerId{name}, kNow - age};
}

std::vector<std::string> expired(std::vector<LogFile> files, const std::set<ContainerId>& keep = {}) {
  std::vector<std::string> out;
  for (const auto& id : expired_logs(std::move(files), keep, kAttempts, kNow)) out.push_back(id.value);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("logs of ended containers stay for a day") {
  CHECK(expired({file("web-ab-0-1", 1000), file("web-ab-1-1", kKeepLogsFor),
                 file("web-ab-2-1", kKeepLogsFor + 1)}) == std::vector<std::string>{"web-ab-2-1"});
}

TEST_CASE("what runs keeps its log however old it is") {
  CHECK(expired({file("web-ab-0-1", 10 * kKeepLogsFor)}, {ContainerId{"web-ab-0-1"}}).empty());
}

TEST_CASE("a replica that ends again and again keeps the logs of its newest attempts") {
  std::vector<LogFile> files;
  for (int attempt = 1; attempt <= 8; ++attempt)
    files.push_back(file("web-ab-0-" + std::to_string(attempt), 1000 * (10 - attempt)));
  files.push_back(file("web-ab-1-1", 50'000));
  CHECK(expired(files) == std::vector<std::string>{"web-ab-0-1", "web-ab-0-2", "web-ab-0-3"});
}

TEST_CASE("the last attempts of a replica that lives stay however old they are, and are told by number") {
  std::vector<LogFile> files;
  for (int attempt = 8; attempt <= 14; ++attempt)
    files.push_back(file("web-ab-0-" + std::to_string(attempt), 3 * kKeepLogsFor));
  CHECK(expired(files, {ContainerId{"web-ab-0-14"}}) == std::vector<std::string>{"web-ab-0-8", "web-ab-0-9"});
}

TEST_CASE("not more than so many files stay, the oldest go") {
  std::vector<LogFile> files;
  for (std::size_t n = 0; n < kLogsKept + 2; ++n)
    files.push_back(file("job-ab-" + std::to_string(n) + "-1", static_cast<Millis>(n)));
  CHECK(expired(files).size() == 2);
  CHECK(std::ranges::count(expired(files), "job-ab-" + std::to_string(kLogsKept + 1) + "-1") == 1);
}

}  // namespace cloudless::runtime
