#include "messages/codec/check_resources.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

namespace cloudless::codec {
namespace {

using Paths = std::vector<std::string>;

api::Resources resources_of(const std::string& text) {
  api::Resources out;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &out));
  return out;
}

TEST_CASE("every bad amount is refused with its path") {
  const struct {
    const char* resources;
    Paths paths;
  } cases[] = {
      {"pids_limit: 0", {"spec.resources.pids_limit"}},
      {"pids_limit: 4194305", {"spec.resources.pids_limit"}},
      {"requests { cpu_millicores: 1024001 memory_bytes: 1125899906842625 }",
       {"spec.resources.requests.cpu_millicores", "spec.resources.requests.memory_bytes"}},
      {"requests { memory_bytes: 100 } limits { memory_bytes: 50 }", {"spec.resources.limits.memory_bytes"}},
      {"limits { cpu_millicores: 50 }",
       {"spec.resources.limits.cpu_millicores"}},  // the default request is 100
      {"requests { cpu_millicores: 0 } limits { cpu_millicores: 0 }",
       {"spec.resources.limits.cpu_millicores"}},
      {"limits { cpu_millicores: 1024001 } pids_limit: 0",
       {"spec.resources.pids_limit", "spec.resources.limits.cpu_millicores"}},
      {"requests { gpu_count: 65 }", {"spec.resources.requests.gpu_count"}},
      {"requests { gpu_milli: 1001 }", {"spec.resources.requests.gpu_milli"}},
      {"requests { gpu_count: 1 gpu_milli: 500 }", {"spec.resources.requests.gpu_milli"}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.resources);
    Violations found;
    check_resources(resources_of(c.resources), "spec.resources", found);
    const auto error = found.error("it");
    REQUIRE(error);
    CHECK(error->code == Errc::invalid_argument);
    Paths paths;
    for (const auto& violation : error->violations) paths.push_back(violation.path);
    CHECK(paths == c.paths);
  }
}

TEST_CASE("good amounts are taken") {
  for (const char* good :
       {"", "pids_limit: 1", "pids_limit: 4194304", "requests { cpu_millicores: 0 memory_bytes: 0 }",
        "requests { cpu_millicores: 250 } limits { cpu_millicores: 250 memory_bytes: 1125899906842624 }",
        "limits { cpu_millicores: 100 memory_bytes: 33554432 }",
        "requests { gpu_count: 64 bandwidth_bps: 1000000 }", "requests { gpu_milli: 1000 }",
        "requests { gpu_count: 0 gpu_milli: 1 }"}) {
    CAPTURE(good);
    Violations found;
    check_resources(resources_of(good), "spec.resources", found);
    CHECK(found.empty());
  }
}

TEST_CASE("what is reserved and not bounded has no limit") {
  for (const char* name : {"bandwidth_bps", "gpu_count", "gpu_milli"}) {
    CAPTURE(name);
    Violations found;
    check_resources(resources_of(std::string("limits { ") + name + ": 1 }"), "spec.resources", found);
    const auto error = found.error("it");
    REQUIRE(error);
    CHECK(error->code == Errc::unimplemented);
  }
}

}  // namespace
}  // namespace cloudless::codec
