#include "actors/node_link/assignment_set.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

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
  const auto set = assignment_set(snapshot, NodeId{"n0"});
  CHECK(set.cluster_id == "c1");
  CHECK(set.node == NodeId{"n0"});
  CHECK(set.revision == 5);
  CHECK(set.full);
  REQUIRE(set.assignments.size() == 4);
  CHECK(set.assignments[0].ns == "default");
  CHECK(set.assignments[2].stop == StopCause::rollout);
  CHECK(assignment_set(snapshot, NodeId{"n2"}).assignments.empty());
}

TEST_CASE("a replica gets its workload's present limits, whatever its version") {
  auto snapshot = snapshot_of({replica_change(0, "n0")});
  snapshot.apply(test::workload_change({.memory_bytes = 64 << 20}));
  snapshot.apply(test::version_change(2));
  const auto set = assignment_set(snapshot, NodeId{"n0"});
  REQUIRE(set.assignments.size() == 1);
  CHECK(set.assignments[0].limits.memory_bytes == 64 << 20);
  const auto before = assignment_set(snapshot_of({replica_change(0, "n0")}), NodeId{"n0"});
  CHECK(difference(before, set).assignments.size() == 1);
}

TEST_CASE("a replica gets the GPUs that it was handed out") {
  const auto change = replica_change(0, "n0");
  auto replica = *std::get<std::shared_ptr<const Replica>>(*change.record);
  replica.gpus = {1, 3};
  const auto set = assignment_set(snapshot_of({put(std::make_shared<const Replica>(replica))}), NodeId{"n0"});
  REQUIRE(set.assignments.size() == 1);
  CHECK(set.assignments[0].gpus == std::vector<std::uint8_t>{1, 3});
}

TEST_CASE("a replica whose version is not there is left out rather than sent half") {
  auto snapshot = snapshot_of({replica_change(0, "n0")});
  snapshot.apply(erase(version_key(test::kUid, 1)));
  CHECK(assignment_set(snapshot, NodeId{"n0"}).assignments.empty());
}

TEST_CASE("changes applied to the old set make the new one; to another set they do not apply") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    auto random_set = [&](Revision revision) {
      std::vector<Change> changes;
      for (std::uint64_t i = 0; i < 12; ++i)
        if (random() % 3 != 0)
          changes.push_back(replica_change(i, "n0", Phase::running,
                                           random() % 2 != 0 ? StopCause::scale : StopCause::none));
      return assignment_set(snapshot_of(changes, revision), NodeId{"n0"});
    };
    const auto before = random_set(5);
    const auto after = random_set(9);
    const auto changes = difference(before, after);
    CHECK_FALSE(changes.full);
    const auto result = applied(before, changes);
    REQUIRE(result);
    CHECK(test::same_content(*result, after));
    CHECK(result->assignments.size() == after.assignments.size());
    CHECK(result->revision == 9);
    CHECK_FALSE(applied(after, changes));
    auto foreign = before;
    foreign.cluster_id = "c2";
    CHECK_FALSE(applied(foreign, changes));
    CHECK(difference(after, after).assignments.empty());
    CHECK(difference(after, after).removed.empty());
  }
}

TEST_CASE("commits touch the nodes whose sets they change and no other") {
  const auto before =
      snapshot_of({replica_change(0, "n0", Phase::starting), replica_change(1, "n1", Phase::running)});
  struct Case {
    const char* what;
    std::vector<Change> changes;
    std::set<NodeId> nodes;
  };
  const std::vector<Case> cases{
      {"a report of progress", {replica_change(0, "n0", Phase::running)}, {}},
      {"a new assignment", {replica_change(2, "n2")}, {NodeId{"n2"}}},
      {"a pending replica", {replica_change(2, "", Phase::pending)}, {}},
      {"a stop", {replica_change(1, "n1", Phase::running, StopCause::scale)}, {NodeId{"n1"}}},
      {"an end", {replica_change(1, "n1", Phase::failed)}, {NodeId{"n1"}}},
      {"a replica forgotten", {erase(replica_key(replica_id("web", test::kUid, 1)))}, {NodeId{"n1"}}},
      {"another kind of record", {test::version_change(2), test::workload_change()}, {}},
      {"other limits of the workload",
       {test::workload_change({.memory_bytes = 64 << 20})},
       {NodeId{"n0"}, NodeId{"n1"}}},
      {"two nodes",
       {replica_change(2, "n0"), replica_change(1, "n1", Phase::lost)},
       {NodeId{"n0"}, NodeId{"n1"}}},
  };
  for (const auto& example : cases) {
    CAPTURE(example.what);
    auto after = before;
    const Commit commit{6, example.changes};
    after.apply(commit);
    CHECK(touched_nodes(before, after, {commit}) == example.nodes);
  }
}

TEST_CASE("parts make the set again in any order, with repeats, and never a mixture") {
  std::mt19937_64 random{7};
  std::string encoded(5 * kSetPartBytes + 123, '\0');
  for (auto& c : encoded) c = static_cast<char>(random());
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kSetPartBytes, encoded.size()}) {
    CAPTURE(size);
    const auto whole = encoded.substr(0, size);
    auto parts = set_parts(3, whole);
    for (const auto& part : parts) CHECK(part.bytes.size() <= kSetPartBytes);
    std::shuffle(parts.begin(), parts.end(), random);
    SetAssembly assembly;
    std::optional<std::string> out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      CHECK_FALSE(out);
      if (i > 0) assembly.add(parts[i - 1]);
      out = assembly.add(parts[i]);
    }
    REQUIRE(out);
    CHECK(*out == whole);
  }
  SUBCASE("two sets of one revision and one size, mixed") {
    auto other = encoded;
    other[0] = static_cast<char>(other[0] ^ 1);
    other.back() = static_cast<char>(other.back() ^ 1);
    const auto a = set_parts(3, encoded);
    const auto b = set_parts(3, other);
    SetAssembly assembly;
    std::optional<std::string> out;
    for (std::size_t i = 0; i < a.size(); ++i) out = assembly.add(i % 2 == 0 ? a[i] : b[i]);
    CHECK_FALSE(out);
    for (const auto& part : b) out = assembly.add(part);
    CHECK(out == other);
  }
  SUBCASE("a newer revision throws away what there is of an older one") {
    const auto old = set_parts(3, encoded);
    const auto fresh = set_parts(4, "new");
    SetAssembly assembly;
    assembly.add(old[0]);
    CHECK(assembly.add(fresh[0]) == std::optional<std::string>{"new"});
    for (const auto& part : old) CHECK_FALSE(assembly.add(part));
  }
  SUBCASE("parts that cannot be are ignored") {
    SetAssembly assembly;
    CHECK_FALSE(assembly.add({1, 0, 0, "x"}));
    CHECK_FALSE(assembly.add({1, 2, 2, "x"}));
    CHECK_FALSE(assembly.add({1, 0, kMaxSetParts + 1, "x"}));
    CHECK_FALSE(assembly.add({1, 0, 1, std::string(kSetPartBytes + 1, 'x')}));
    CHECK_FALSE(assembly.add({1, 0, 1, "short"}));
    CHECK(assembly.add(set_parts(1, "good")[0]) == std::optional<std::string>{"good"});
  }
}

}  // namespace
}  // namespace cloudless::node_link
