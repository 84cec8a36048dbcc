#include "actors/node_link/held_set.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "actors/node_link/link_fixture.test.hpp"

namespace cloudless::node_link {
namespace {

using test::replica_change;

Snapshot snapshot_of(const std::vector<Change>& changes, Revision revision = 5) {
  Snapshot snapshot;
  for (const auto& change : {test::cluster_change("c1"), test::workload_change(), test::version_change()})
    snapshot.apply(change);
  for (const auto& change : changes) snapshot.apply(change);
  snapshot.set_revision(revision);
  return snapshot;
}

/// The set's assignments in the order of ids: what was changed stands at the end of a set that changes were
/// applied to.
std::vector<Assignment> by_id(AssignmentSet set) {
  std::sort(set.assignments.begin(), set.assignments.end(),
            [](const Assignment& a, const Assignment& b) { return a.replica < b.replica; });
  return set.assignments;
}

TEST_CASE("a set holds the node's replicas that are not over, those to stop included") {
  const auto snapshot = snapshot_of({
      replica_change(0, "n0", Phase::assigned),
      replica_change(1, "n0", Phase::running),
      replica_change(2, "n0", Phase::running, StopCause::rollout),
      replica_change(3, "n0", Phase::backoff),
      replica_change(4, "n0", Phase::succeeded),
      replica_change(5, "n0", Phase::failed),
      replica_change(6, "n0", Phase::stopped),
      replica_change(7, "n0", Phase::lost),
      replica_change(8, "n1", Phase::running),
      replica_change(9, "", Phase::pending),
  });
  const auto set = test::assignment_set(snapshot, NodeId{"n0"});
  CHECK(set.cluster_id == "c1");
  CHECK(set.node == NodeId{"n0"});
  CHECK(set.revision == 5);
  CHECK(set.full);
  REQUIRE(set.assignments.size() == 4);
  CHECK(set.assignments[0].ns == "default");
  CHECK(set.assignments[2].stop == StopCause::rollout);
  CHECK(test::assignment_set(snapshot, NodeId{"n2"}).assignments.empty());
}

TEST_CASE("a replica gets its workload's present limits, whatever its version") {
  auto snapshot = snapshot_of({replica_change(0, "n0")});
  snapshot.apply(test::workload_change({.memory_bytes = 64 << 20}));
  snapshot.apply(test::version_change(2));
  const auto set = test::assignment_set(snapshot, NodeId{"n0"});
  REQUIRE(set.assignments.size() == 1);
  CHECK(set.assignments[0].limits.memory_bytes == 64 << 20);
  CommonParts parts;
  const auto before = held_set(snapshot_of({replica_change(0, "n0")}, 4), NodeId{"n0"}, parts, {});
  parts.restart();
  CHECK(difference(before, held_set(snapshot, NodeId{"n0"}, parts, {})).assignments == set.assignments);
}

TEST_CASE("a replica whose version is not there is left out rather than sent half") {
  auto snapshot = snapshot_of({replica_change(0, "n0")});
  snapshot.apply(erase(version_key(test::kUid, 1)));
  CHECK(test::assignment_set(snapshot, NodeId{"n0"}).assignments.empty());
}

TEST_CASE("changes applied to the old set make the new one; to another set they do not apply") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    CommonParts parts;
    auto random_set = [&](Revision revision) {
      std::vector<Change> changes;
      if (random() % 2 != 0) changes.push_back(test::workload_change({.memory_bytes = 64 << 20}));
      for (std::uint64_t i = 0; i < 12; ++i)
        if (random() % 3 != 0)
          changes.push_back(replica_change(i, "n0", Phase::running,
                                           random() % 2 != 0 ? StopCause::scale : StopCause::none));
      parts.restart();
      return held_set(snapshot_of(changes, revision), NodeId{"n0"}, parts, {});
    };
    const auto held_before = random_set(5), held_after = random_set(9);
    const auto before = whole(held_before), after = whole(held_after);
    const auto changes = difference(held_before, held_after);
    CHECK_FALSE(changes.full);
    const auto result = applied(before, changes);
    REQUIRE(result);
    CHECK(by_id(*result) == by_id(after));
    CHECK(result->assignments.size() == after.assignments.size());
    CHECK(result->revision == 9);
    CHECK_FALSE(applied(after, changes));
    auto foreign = before;
    foreign.cluster_id = "c2";
    CHECK_FALSE(applied(foreign, changes));
    CHECK(difference(held_after, held_after).assignments.empty());
    CHECK(difference(held_after, held_after).removed.empty());
  }
}

TEST_CASE("what the replicas of a version have in common is kept once, until it changes") {
  CommonParts parts;
  auto snapshot = snapshot_of({replica_change(0, "n0"), replica_change(1, "n0"), replica_change(2, "n1")});
  const auto commit = [&](Change change) {
    const Commit next{snapshot.revision() + 1, {std::move(change)}};
    snapshot.apply(next);
    parts.apply({next});
  };
  const auto first = held_set(snapshot, NodeId{"n0"}, parts, {});
  REQUIRE(first.assignments.size() == 2);
  const auto common = first.assignments[0].common;
  CHECK(first.assignments[1].common == common);
  commit(replica_change(3, "n1"));
  CHECK(held_set(snapshot, NodeId{"n1"}, parts, {}).assignments[0].common == common);
  commit(test::workload_change({.memory_bytes = 64 << 20}));
  const auto later = held_set(snapshot, NodeId{"n0"}, parts, {});
  CHECK(later.assignments[0].common != common);
  CHECK(later.assignments[0].common == later.assignments[1].common);
  CHECK(common->limits.memory_bytes == std::nullopt);
  CHECK(difference(first, later).assignments.size() == 2);
}

TEST_CASE("an assignment says which GPUs are its own") {
  CommonParts parts;
  auto snapshot = snapshot_of({replica_change(0, "n0"), replica_change(1, "n0")});
  const auto before = held_set(snapshot, NodeId{"n0"}, parts, {});
  Replica replica = *snapshot.replica(replica_id("web", test::kUid, 1));
  replica.gpus = std::vector<std::uint8_t>{2, 3};
  snapshot.apply(put(std::make_shared<const Replica>(replica)));
  snapshot.set_revision(6);
  const auto changes = difference(before, held_set(snapshot, NodeId{"n0"}, parts, {}));
  REQUIRE(changes.assignments.size() == 1);
  CHECK(changes.assignments[0].replica == replica.id);
  CHECK(changes.assignments[0].gpus == std::vector<std::uint8_t>{2, 3});
}

}  // namespace
}  // namespace cloudless::node_link
