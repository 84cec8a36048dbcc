#include "chaos/simulator/acknowledged.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

WorkloadCommand scale(std::uint32_t replicas, Revision expected = 0, std::string key = {}) {
  return {{"p", "ScaleWorkload", "default", std::move(key), "hash"},
          ScaleWorkload{"default", "web", replicas, expected}};
}
const WorkloadCommand kDelete{{"p", "DeleteWorkload", "default", {}, "hash"},
                              DeleteWorkload{"default", "web", 0}};

CommandReply reply_of(const SnapshotBuilder& world) {
  return {*world.view().workload(SnapshotBuilder::uid("web")), world.view().revision()};
}

std::vector<std::string> names(const sim::Breaches& breaches) {
  std::vector<std::string> out;
  for (const auto& breach : breaches) out.push_back(breach.invariant);
  return out;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("An answer to what is not durable is a breach") {
  SnapshotBuilder world;
  world.workload("web");
  const Snapshot durable = world.view();
  world.workload("web", [](WorkloadSpec& s) { s.replicas = 3; });
  sim::Acknowledged acknowledged;
  CHECK(names(acknowledged.heard(scale(3), reply_of(world), world.view())).empty());
  const auto early = names(acknowledged.heard(scale(3), reply_of(world), durable));
  REQUIRE_FALSE(early.empty());
  CHECK(early[0] == "a write is acknowledged when it is durable");
}

TEST_CASE("What was acknowledged and is not there after a crash is a breach") {
  SnapshotBuilder world;
  world.workload("web");
  const Snapshot before = world.view();
  world.workload("web", [](WorkloadSpec& s) { s.replicas = 3; });
  sim::Acknowledged acknowledged;
  acknowledged.heard(scale(3), reply_of(world), world.view());
  CHECK(acknowledged.check(world.view()).empty());
  CHECK(names(acknowledged.check(before)) == Names{"an acknowledged write survives any crash"});
  CHECK(names(acknowledged.check(Snapshot{})) == Names{"an acknowledged write survives any crash"});
  SUBCASE("unless somebody may have deleted it") {
    acknowledged.sent(kDelete);
    CHECK(acknowledged.check(Snapshot{}).empty());
    acknowledged.refused(kDelete);
    CHECK(acknowledged.check(Snapshot{}).size() == 1);
  }
}

TEST_CASE("A key that was answered gets the same answer for ever") {
  SnapshotBuilder world;
  world.workload("web", [](WorkloadSpec& s) { s.replicas = 3; });
  sim::Acknowledged acknowledged;
  const auto command = scale(3, 0, "key");
  CHECK(acknowledged.heard(command, reply_of(world), world.view()).empty());
  CHECK(acknowledged.heard(command, reply_of(world), world.view()).empty());
  CHECK(names(acknowledged.refused(command)) == Names{"the same idempotency key gets the first answer"});
  world.workload("web", [](WorkloadSpec& s) { s.replicas = 4; });
  CHECK(names(acknowledged.heard(command, reply_of(world), world.view())) ==
        Names{"the same idempotency key gets the first answer"});
}

TEST_CASE("A compare-and-set that changed another revision than it names is a breach") {
  SnapshotBuilder world;
  world.workload("web");
  const auto before = *world.view().workload(SnapshotBuilder::uid("web"));
  world.workload("web", [](WorkloadSpec& s) { s.replicas = 3; });
  sim::Acknowledged acknowledged;
  acknowledged.written(before, *world.view().workload(SnapshotBuilder::uid("web")));
  CHECK(acknowledged.heard(scale(3, before.revision), reply_of(world), world.view()).empty());
  CHECK(names(acknowledged.heard(scale(3, before.revision + 7), reply_of(world), world.view())) ==
        Names{"a compare-and-set changes the revision that it names"});
}
