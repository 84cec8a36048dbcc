#include "actors/runtime/containerd/oci_resources.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace cloudless::runtime {
namespace {

using nlohmann::json;

Resources request(std::int64_t millicores) {
  return {millicores, 32 << 20, 0, 0, 0};
}

TEST_CASE("requests become shares, limits become quotas") {
  const struct {
    Resources requests;
    ResourceLimits limits;
    std::int64_t node;
    json expected;
  } cases[] = {
      {request(250), {}, 0, {{"cpu", {{"shares", 256}}}, {"pids", {{"limit", 4096}}}}},
      {request(250),
       {1500, 64 << 20, {}, 100},
       0,
       {{"cpu", {{"shares", 256}, {"period", 100000}, {"quota", 150000}}},
        {"memory", {{"limit", 64 << 20}}},
        {"pids", {{"limit", 100}}}}},
      // The kernel's least, of either.
      {request(0),
       {1, {}, {}, {}},
       0,
       {{"cpu", {{"shares", 2}, {"period", 100000}, {"quota", 1000}}}, {"pids", {{"limit", 4096}}}}},
      // More than the node has for containers.
      {request(100),
       {64000, {}, {}, {}},
       1900,
       {{"cpu", {{"shares", 102}, {"period", 100000}, {"quota", 190000}}}, {"pids", {{"limit", 4096}}}}},
  };
  for (const auto& c : cases) CHECK(cgroup_resources(c.requests, c.limits, c.node) == c.expected);
}

TEST_CASE("a change names every limit, also those that were taken away") {
  CHECK(limit_resources({}) == json{{"cpu", {{"period", 100000}, {"quota", -1}}},
                                    {"memory", {{"limit", -1}}},
                                    {"pids", {{"limit", 4096}}}});
  CHECK(limit_resources({500, 64 << 20, {}, 7}) == json{{"cpu", {{"period", 100000}, {"quota", 50000}}},
                                                        {"memory", {{"limit", 64 << 20}}},
                                                        {"pids", {{"limit", 7}}}});
  CHECK(limit_resources({64000, {}, {}, {}}, 1900)["cpu"]["quota"] == 190000);
}

}  // namespace
}  // namespace cloudless::runtime
