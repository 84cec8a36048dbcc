#include "actors/scheduler/what_if.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;
using scheduler::WhatIf;

namespace {

constexpr Millis kNow = 1000;

std::function<void(WorkloadSpec&)> spec(std::uint32_t replicas, std::int64_t cpu) {
  return [=](WorkloadSpec& s) {
    s.replicas = replicas;
    s.pod.requests = Resources{cpu, 1 << 20, 0, 0, 0};
  };
}

/// web: three replicas of 300 millicores, two on a and one on b; c is empty.
SnapshotBuilder three_nodes() {
  SnapshotBuilder world;
  world.node("a", [](Node& n) { n.description.zone = "east"; })
      .node("b", [](Node& n) { n.description.zone = "west"; })
      .node("c", [](Node& n) { n.description.zone = "west"; });
  world.workload("web", spec(3, 300));
  return world.replica("web", SnapshotBuilder::running("a"))
      .replica("web", SnapshotBuilder::running("a"))
      .replica("web", SnapshotBuilder::running("b"));
}

std::multiset<std::string> nodes_of(const WhatIf& plan) {
  std::multiset<std::string> out;
  for (const auto& place : plan.places()) out.insert(place.node.value);
  return out;
}

}  // namespace

TEST_CASE("What if: a new workload gets places beside what is there, and what does not fit waits") {
  const auto world = three_nodes();
  WhatIf plan(world.view(), kNow);
  WorkloadSpec batch;
  spec(4, 700)(batch);
  batch.pod.image = "image:1";
  const auto uid = plan.create("default", "batch", batch);
  plan.place();
  CHECK(nodes_of(plan) == std::multiset<std::string>{"b", "c"});
  CHECK(plan.waiting(uid).size() == 2);
  CHECK(plan.places()[0].was_on.empty());
  CHECK(plan.places()[0].terms.total() != 0);
  CHECK(world.view().workload("default", "batch") == nullptr);
}

TEST_CASE("What if: a workload of higher priority shows who would have to go for it, and where these go") {
  auto world = three_nodes();
  world.workload("web", [](WorkloadSpec& s) { s.rollout.min_available = 0; });
  WhatIf plan(world.view(), kNow);
  WorkloadSpec batch;
  spec(2, 900)(batch);
  batch.pod.image = "image:1";
  batch.priority = 5;
  const auto uid = plan.create("default", "batch", batch);
  plan.place();
  CHECK(plan.waiting(uid).empty());
  const auto evicting = std::find_if(plan.places().begin(), plan.places().end(),
                                     [](const auto& place) { return !place.evicts.empty(); });
  REQUIRE(evicting != plan.places().end());
  CHECK(evicting->node == NodeId{"b"});
  CHECK(evicting->evicts == std::vector<ReplicaId>{SnapshotBuilder::id("web", 2)});
  CHECK(nodes_of(plan) == std::multiset<std::string>{"a", "b", "c"});  // the evicted one goes to a
}

TEST_CASE("What if: another template moves every replica to the new version, the same one only the missing") {
  const auto world = three_nodes();
  const auto web = world.view().workload("default", "web");
  SUBCASE("another template") {
    auto changed = web->spec;
    changed.pod.requests.cpu_millicores = 900;
    WhatIf plan(world.view(), kNow);
    plan.update(*web, changed);
    plan.place();
    // All of the old version's room is free at the end.
    CHECK(nodes_of(plan) == std::multiset<std::string>{"a", "b", "c"});
    CHECK(plan.waiting(web->uid).empty());
    std::set<std::string> before;
    for (const auto& place : plan.places()) before.insert(place.was_on.value);
    CHECK(before == std::set<std::string>{"a", "b"});
  }
  SUBCASE("more replicas") {
    auto changed = web->spec;
    changed.replicas = 5;
    WhatIf plan(world.view(), kNow);
    plan.update(*web, changed);
    plan.place();
    CHECK(plan.places().size() == 2);
  }
  SUBCASE("fewer replicas") {
    auto changed = web->spec;
    changed.replicas = 1;
    WhatIf plan(world.view(), kNow);
    plan.update(*web, changed);
    plan.place();
    CHECK(plan.places().empty());
    CHECK(plan.view().replicas_of(web->uid).size() == 1);
  }
  SUBCASE("nothing") {
    WhatIf plan(world.view(), kNow);
    plan.update(*web, web->spec);
    plan.place();
    CHECK(plan.places().empty());
    CHECK(plan.view().replicas_of(web->uid).size() == 3);
  }
}

TEST_CASE("What if: what has ended by itself under its version fills its place") {
  SnapshotBuilder world;
  world.node("a").workload("job", spec(2, 100));
  world.replica("job", SnapshotBuilder::ended(Phase::succeeded));
  const auto job = world.view().workload("default", "job");
  WhatIf plan(world.view(), kNow);
  plan.update(*job, job->spec);
  plan.place();
  CHECK(plan.places().size() == 1);
}

TEST_CASE("What if: replicas of a drained node go elsewhere, and nothing else moves") {
  const auto world = three_nodes();
  WhatIf plan(world.view(), kNow);
  plan.drain(NodeId{"a"});
  plan.place();
  REQUIRE(plan.places().size() == 2);
  for (const auto& place : plan.places()) {
    CHECK(place.was_on.value == "a");
    CHECK(place.node.value != "a");
  }
}

TEST_CASE("What if: of lost nodes only what still has room is placed, before other work that waits") {
  auto world = three_nodes();
  world.workload("other", spec(1, 400)).replica("other");
  WhatIf plan(world.view(), kNow);
  plan.lose({NodeId{"b"}, NodeId{"c"}});
  plan.place();
  REQUIRE(plan.places().size() == 1);
  CHECK(plan.places()[0].node.value == "a");
  CHECK(plan.places()[0].was_on.value == "b");
  CHECK(plan.waiting(SnapshotBuilder::uid("web")).empty());
  CHECK(plan.waiting(SnapshotBuilder::uid("other")).size() == 1);
}

TEST_CASE("What if: who is stopped for higher priority is named, and waits for another place") {
  SnapshotBuilder world;
  world.node("a").node("b");
  const auto low = [](WorkloadSpec& s) {
    spec(3, 450)(s);
    s.priority = 1;
    s.rollout.min_available = 0;
  };
  world.workload("low", low);
  for (const char* node : {"a", "a", "b"}) world.replica("low", SnapshotBuilder::running(node));
  WorkloadSpec high;
  spec(1, 600)(high);
  high.pod.image = "image:1";
  high.priority = 10;
  WhatIf plan(world.view(), kNow);
  const auto uid = plan.create("default", "high", high);
  plan.place();
  REQUIRE(plan.places().size() == 1);
  CHECK(plan.places()[0].slot.workload == uid);
  CHECK(plan.places()[0].node.value == "b");
  CHECK(plan.places()[0].evicts == std::vector<ReplicaId>{SnapshotBuilder::id("low", 2)});
  CHECK(plan.waiting(SnapshotBuilder::uid("low")).size() == 1);
  CHECK(plan.was_on().at({SnapshotBuilder::uid("low"), 2}).value == "b");
}

TEST_CASE("What if: a workload with all_or_nothing gets all of its places or none") {
  const auto world = three_nodes();
  WorkloadSpec gang;
  spec(3, 700)(gang);
  gang.pod.image = "image:1";
  gang.all_or_nothing = true;
  for (const std::uint32_t replicas : {2U, 3U}) {
    gang.replicas = replicas;
    WhatIf plan(world.view(), kNow);
    const auto uid = plan.create("default", "gang", gang);
    plan.place();
    CHECK(plan.places().size() == (replicas == 2 ? 2 : 0));
    CHECK(plan.waiting(uid).size() == (replicas == 2 ? 0 : 3));
  }
}

TEST_CASE("What if: who would be stopped for a gang is named, and it gets all of its places") {
  auto world = three_nodes();
  world.workload("web", [](WorkloadSpec& s) { s.rollout.min_available = 0; });
  WorkloadSpec gang;
  spec(3, 700)(gang);
  gang.pod.image = "image:1";
  gang.all_or_nothing = true;
  gang.priority = 5;
  WhatIf plan(world.view(), kNow);
  const auto uid = plan.create("default", "gang", gang);
  plan.place();
  CHECK(plan.waiting(uid).empty());
  std::vector<ReplicaId> evicted;
  for (const auto& place : plan.places())
    evicted.insert(evicted.end(), place.evicts.begin(), place.evicts.end());
  CHECK(evicted.size() == 1);  // one of the two on a
}

TEST_CASE("What if: what is told to stop already has ended in the end") {
  SnapshotBuilder world;
  world.node("a").workload("old", spec(1, 800)).replica("old", [](Replica& r) {
    SnapshotBuilder::running("a")(r);
    r.stop = StopCause::scale;
  });
  WorkloadSpec web;
  spec(1, 800)(web);
  web.pod.image = "image:1";
  WhatIf plan(world.view(), kNow);
  plan.create("default", "web", web);
  plan.place();
  CHECK(plan.places().size() == 1);
}
