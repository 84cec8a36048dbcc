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
