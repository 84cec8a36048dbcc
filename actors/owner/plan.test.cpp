#include "actors/owner/plan.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>

namespace cloudless::owner {
namespace {

Record replica(std::uint64_t ordinal, const std::string& reason = {}) {
  Replica r;
  r.workload = WorkloadUid{"web0000000"};
  r.ordinal = ordinal;
  r.id = replica_id("web", r.workload, ordinal);
  r.reason = reason;
  return std::make_shared<const Replica>(std::move(r));
}

TEST_CASE("a plan shows each change to the next item before anything is committed") {
  Plan plan{Snapshot{}};
  plan.put(replica(0));
  CHECK(plan.now().replica(replica_id("web", WorkloadUid{"web0000000"}, 0)) != nullptr);
  plan.erase(key_of(replica(0)));
  CHECK(plan.now().replica(replica_id("web", WorkloadUid{"web0000000"}, 0)) == nullptr);
}

TEST_CASE("a plan without changes has no units, whatever it requires") {
  Plan plan{Snapshot{}};
  plan.require({node_key(NodeId{"n"}), 1});
  CHECK(plan.empty());
  CHECK(plan.take_units().empty());
}

TEST_CASE("units are full but never above their bound, and no item is cut") {
  for (const std::size_t size : {1, 2, 7, 50, 98, 99}) {
    CAPTURE(size);
    Plan plan{Snapshot{}};
    for (std::uint64_t item = 0; item < 10; ++item) {
      for (std::size_t i = 0; i < size; ++i) plan.put(replica(item * size + i));
      plan.require({node_key(NodeId{std::to_string(item)}), 1});
      plan.seal();
    }
    const auto units = plan.take_units();
    std::uint64_t next = 0;
    for (std::size_t u = 0; u < units.size(); ++u) {
      CHECK(units[u].changes.size() <= kMaxUnitChanges);
      CHECK(units[u].changes.size() % size == 0);
      CHECK(units[u].preconditions.size() == units[u].changes.size() / size);
      if (u + 1 < units.size()) CHECK(units[u].changes.size() + size > kMaxUnitChanges);
      for (const auto& change : units[u].changes) REQUIRE(change.key == key_of(replica(next++)));
    }
    CHECK(next == 10 * size);
  }
}

TEST_CASE("an item that fills the room it is told of needs no unit of its own") {
  Plan plan{Snapshot{}};
  std::uint64_t next = 0;
  const auto add = [&](std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) plan.put(replica(next++));
    plan.seal();
  };
  CHECK(plan.room() == kMaxUnitChanges);
  add(90);
  CHECK(plan.room() == kMaxUnitChanges - 90);
  add(plan.room() - 1);
  CHECK(plan.room() == kMaxUnitChanges);  // one more change would not be worth it
  add(1);
  add(plan.room());
  const auto units = plan.take_units();
  REQUIRE(units.size() == 2);
  CHECK(units[0].changes.size() == kMaxUnitChanges);
  CHECK(units[1].changes.size() == kMaxUnitChanges);
}

TEST_CASE("of several changes of one record a unit has the last") {
  Plan plan{Snapshot{}};
  plan.put(replica(0, "first"));
  plan.seal();
  plan.put(replica(0, "second"));
  plan.require({node_key(NodeId{"n"}), 1});
  plan.seal();
  plan.put(replica(1));
  plan.require({node_key(NodeId{"n"}), 1});
  const auto units = plan.take_units();
  REQUIRE(units.size() == 1);
  REQUIRE(units[0].changes.size() == 2);
  CHECK(std::get<std::shared_ptr<const Replica>>(*units[0].changes[0].record)->reason == "second");
  CHECK(units[0].preconditions.size() == 1);
  CHECK(plan.take_units().empty());
}

}  // namespace
}  // namespace cloudless::owner
