#include "actors/rollout/replica_book.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

/// What view_of() sets is not the book's.
bool same(const rollout::ReplicaFacts& a, const rollout::ReplicaFacts& b) {
  return a.facts == b.facts && a.records == b.records;
}

}  // namespace

TEST_CASE("The book of replicas says what the snapshot says, whatever is committed") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto pick = [&](std::uint64_t n) { return random() % n; };
    SnapshotBuilder world;
    world.node("a").node("b").workload("web").workload("other");
    rollout::ReplicaBook book;
    const std::vector<std::string> names{"web", "other"};
    for (int i = 0; i < 150; ++i) {
      const auto& name = names[pick(2)];
      const auto all = world.view().replicas_of(SnapshotBuilder::uid(name));
      const auto one = all.empty() ? nullptr : all[pick(all.size())];
      const auto what = pick(5);
      if (what < 2 || !one) {
        const auto ordinal = world.view().workload(SnapshotBuilder::uid(name))->next_ordinal;
        world.replica(name, SnapshotBuilder::running(pick(2) == 0 ? "a" : "b", pick(2) == 0));
        book.refresh(world.view(), {SnapshotBuilder::uid(name), ordinal});
      } else if (what == 2) {
        world.change_replica(one->id, [&](Replica& r) {
          r.ready = !r.ready;
          r.ready_at = static_cast<Millis>(i);
        });
        book.refresh(world.view(), {one->workload, one->ordinal});
      } else if (what == 3) {
        world.commit({erase(replica_key(one->id))});
        book.refresh(world.view(), {one->workload, one->ordinal});
      } else {
        world.node("a", [&](Node& n) {
          n.state = static_cast<NodeState>(1 + pick(3));
          n.draining = pick(4) == 0;
          n.taints.clear();
          if (pick(2) == 0) n.taints = {{"broken", "", TaintEffect::no_execute}};
          n.no_execute_since["broken"] = static_cast<Millis>(i);
        });
        for (const auto& r : world.view().replicas_on(NodeId{"a"}))
          book.refresh(world.view(), {r->workload, r->ordinal});
      }
      if (pick(3) == 0)
        REQUIRE(same(book.of(world.view(), SnapshotBuilder::uid(name)),
                     rollout::replicas_of(world.view(), SnapshotBuilder::uid(name))));
    }
  }
}
