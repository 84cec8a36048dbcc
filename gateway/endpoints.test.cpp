#include "gateway/endpoints.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using cloudless::test::SnapshotBuilder;

namespace {

EndpointMark mark(const std::string& name, bool serving = true) {
  EndpointMark out;
  out.replica = ReplicaId{name};
  out.ready = true;
  out.serving = serving;
  return out;
}

}  // namespace

TEST_CASE("gateway: endpoints are the replicas that run, with the marks that requests go by") {
  SnapshotBuilder b;
  b.node("n1").node("n2").workload("web", [](WorkloadSpec& s) { s.replicas = 3; });
  const auto uid = SnapshotBuilder::uid("web");
  const auto id = [](std::uint64_t ordinal) { return SnapshotBuilder::id("web", ordinal); };
  const auto set = [&] { return endpoints_of(b.view(), *b.view().workload(uid)); };
  b.replica("web");
  CHECK(set().endpoints.empty());
  b.change_replica(id(0), [](Replica& r) {
    SnapshotBuilder::running("n1")(r);
    r.address = "10.1.0.2";
    r.published_ports.edit() = {{"http", Protocol::tcp, 80, 30'001}};
  });
  b.replica("web", SnapshotBuilder::running("n2", false));
  auto two = set().endpoints;
  REQUIRE(two.size() == 2);
  CHECK(two[0].replica == id(0));
  CHECK(two[0].address == "10.1.0.2");
  CHECK(two[0].published_ports.size() == 1);
  CHECK(two[0].ready);
  CHECK(two[0].serving);
  CHECK(two[0].version == 1);
  CHECK_FALSE(two[1].ready);

  b.node("n1", [](Node& n) { n.state = NodeState::suspect; });
  CHECK(set().endpoints[0].ready);
  b.node("n1", [](Node& n) { n.state = NodeState::offline; });
  CHECK_FALSE(set().endpoints[0].ready);
  b.node("n1", [](Node& n) { n.state = NodeState::ready; });

  CHECK_FALSE(set().some_withdrawn);
  b.change_replica(id(0), [](Replica& r) {
    r.serving = false;
    r.withdrawn = StopCause::rollout;
  });
  CHECK_FALSE(set().endpoints[0].serving);
  CHECK(set().some_withdrawn);
  b.change_replica(id(0), [](Replica& r) { r.stop = StopCause::rollout; });
  CHECK_FALSE(set().some_withdrawn);
  b.change_replica(id(0), [](Replica& r) { r.phase = Phase::stopping; });
  CHECK_FALSE(set().endpoints[0].ready);
  b.change_replica(id(0), [](Replica& r) { r.phase = Phase::stopped; });
  CHECK(set().endpoints.size() == 1);

  Workload w = *b.view().workload(uid);
  w.serving_version = 2;
  b.commit({put(std::make_shared<const Workload>(w))});
  CHECK_FALSE(set().endpoints[0].serving);
}

TEST_CASE("gateway: a follower has seen what it acknowledged, and what has not concerned it since") {
  FollowerProgress p;
  CHECK(p.take_news() == nullptr);
  CHECK(p.seen() == 0);
  p.look(5, {mark("a")});
  REQUIRE(p.take_news() != nullptr);
  CHECK(p.sent() == 5);
  CHECK(p.take_news() == nullptr);
  CHECK(p.seen() == 0);
  CHECK_FALSE(p.acknowledge(6));
  CHECK(p.acknowledge(5));
  CHECK(p.seen() == 5);
  p.look(6, {mark("a")});
  p.unchanged_until(9);
  CHECK(p.take_news() == nullptr);
  CHECK(p.seen() == 9);
  // What it has not got yet ends that.
  p.look(10, {mark("a", false)});
  CHECK(p.seen() == 5);
  p.unchanged_until(12);
  REQUIRE(p.take_news() != nullptr);
  CHECK(p.sent() == 12);
  CHECK(p.acknowledge(5));
  CHECK(p.seen() == 5);
  CHECK(p.acknowledge(12));
  CHECK(p.seen() == 12);
}

TEST_CASE("gateway: a follower that is slow gets the latest set only") {
  FollowerProgress p;
  p.look(1, {mark("a")});
  p.take_news();
  for (Revision r = 2; r < 50; ++r) p.look(r, {mark("a"), mark("b" + std::to_string(r))});
  const auto* news = p.take_news();
  REQUIRE(news != nullptr);
  REQUIRE(news->size() == 2);
  CHECK((*news)[1].replica.value == "b49");
  CHECK(p.sent() == 49);
  CHECK(p.take_news() == nullptr);
  // Acknowledging the first one says nothing about the second.
  CHECK(p.acknowledge(1));
  CHECK(p.seen() == 1);
}
