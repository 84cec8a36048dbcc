#include "actors/runtime/cgroups/group_settings.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

using Settings = std::vector<GroupSetting>;

TEST_CASE("the group of all containers may use what is allocatable, in the words of either layout") {
  struct Case {
    CgroupLayout layout;
    std::int64_t cpu, memory;
    Settings expected;
  };
  const std::vector<Case> cases = {
      {CgroupLayout::v1,
       1900,
       1 << 30,
       {{"cpu", "cpu.cfs_period_us", "100000"},
        {"cpu", "cpu.cfs_quota_us", "190000"},
        {"memory", "memory.limit_in_bytes", "1073741824"}}},
      {CgroupLayout::v1,
       0,
       0,
       {{"cpu", "cpu.cfs_period_us", "100000"},
        {"cpu", "cpu.cfs_quota_us", "-1"},
        {"memory", "memory.limit_in_bytes", "-1"}}},
      {CgroupLayout::v2,
       1900,
       1 << 30,
       {{"cpu", "cpu.max", "190000 100000"}, {"memory", "memory.max", "1073741824"}}},
      {CgroupLayout::v2, 0, 0, {{"cpu", "cpu.max", "max 100000"}, {"memory", "memory.max", "max"}}},
  };
  for (const auto& c : cases) CHECK(node_settings(c.layout, c.cpu, c.memory) == c.expected);
}

TEST_CASE("a namespace weighs what its replicas reserve together") {
  CHECK(namespace_settings(CgroupLayout::v1, 1500) == Settings{{"cpu", "cpu.shares", "1536"}});
  CHECK(namespace_settings(CgroupLayout::v1, 0) == Settings{{"cpu", "cpu.shares", "2"}});
  CHECK(namespace_settings(CgroupLayout::v1, 1'000'000'000) == Settings{{"cpu", "cpu.shares", "262144"}});
  CHECK(namespace_settings(CgroupLayout::v2, 1000) ==
        Settings{{"cpu", "cpu.weight", "39"}});  // as runc has it
  CHECK(namespace_settings(CgroupLayout::v2, 0) == Settings{{"cpu", "cpu.weight", "1"}});
  CHECK(namespace_settings(CgroupLayout::v2, 1'000'000'000) == Settings{{"cpu", "cpu.weight", "10000"}});
}

TEST_CASE("the kernel's least processor time is kept") {
  CHECK(cpu_quota(1) == 1000);
  CHECK(cpu_quota(500) == 50000);
  CHECK(cpu_shares(0) == 2);
  CHECK(cpu_shares(250) == 256);
}

}  // namespace
}  // namespace cloudless::runtime
