#include "actors/node_link/image_pin.hpp"

#include <doctest/doctest.h>

#include <random>

#include "actors/node_link/assignment_set.hpp"
#include "actors/node_link/held_set.hpp"
#include "tests/support/snapshot_builder.hpp"

namespace cloudless::node_link {
namespace {

using test::SnapshotBuilder;

const std::string kDigest = "sha256:" + std::string(64, 'a');

/// Workload "web" with a replica on each of the named nodes.
SnapshotBuilder web_on(const std::vector<std::string>& nodes) {
  SnapshotBuilder b;
  b.workload("web");
  for (const auto& node : nodes) {
    b.node(node).replica("web", [&](Replica& r) {
      r.phase = Phase::assigned;
      r.node = NodeId{node};
    });
  }
  return b;
}

std::function<void(Replica&)> in(Phase phase, std::uint32_t attempt = 1) {
  return [=](Replica& r) {
    r.phase = phase;
    r.attempt = attempt;
  };
}

ReplicaId resolver(const SnapshotBuilder& b) {
  const auto pin = image_pin(b.view(), *b.view().version(SnapshotBuilder::uid("web"), 1));
  CHECK(pin.digest.empty());
  return pin.resolver;
}

void pin_version(SnapshotBuilder& b) {
  Version v = *b.view().version(SnapshotBuilder::uid("web"), 1);
  v.image_digest = kDigest;
  b.commit({put(std::make_shared<const Version>(v))});
}

ReplicaId web(std::uint64_t ordinal) {
  return SnapshotBuilder::id("web", ordinal);
}

}  // namespace

TEST_CASE("the oldest assigned replica on a READY node resolves the tag") {
  auto b = web_on({"a", "b", "c"});
  CHECK(resolver(b) == web(0));
  SUBCASE("its node is not READY") {
    b.node("a", [](Node& n) { n.state = NodeState::suspect; });
    CHECK(resolver(b) == web(1));
    b.node("a", [](Node& n) { n.state = NodeState::ready; });
    CHECK(resolver(b) == web(0));
  }
  SUBCASE("it has ended, or is told to") {
    b.change_replica(web(0), in(Phase::stopped));
    CHECK(resolver(b) == web(1));
    b.change_replica(web(1), [](Replica& r) { r.stop = StopCause::scale; });
    CHECK(resolver(b) == web(2));
  }
  SUBCASE("no node is READY: still somebody, for no wait may be for nobody") {
    for (const char* node : {"a", "b", "c"}) b.node(node, [](Node& n) { n.state = NodeState::offline; });
    CHECK(resolver(b) == web(0));
  }
  SUBCASE("it runs already and will not say") {
    b.change_replica(web(0), in(Phase::running));
    CHECK(resolver(b) == web(1));
  }
}

TEST_CASE("whoever failed to get the image lets the next one try, and they take turns") {
  auto b = web_on({"a", "b", "c"});
  b.change_replica(web(0), in(Phase::preparing, 1));
  CHECK(resolver(b) == web(0));
  b.change_replica(web(1), in(Phase::preparing, 1));
  CHECK(resolver(b) == web(0));
  b.change_replica(web(0), in(Phase::backoff, 1));
  CHECK(resolver(b) == web(1));
  // Coming back it does not take over from the one that tries.
  b.change_replica(web(0), in(Phase::preparing, 2));
  CHECK(resolver(b) == web(1));
  b.change_replica(web(1), in(Phase::backoff, 1));
  CHECK(resolver(b) == web(2));
  b.change_replica(web(2), in(Phase::backoff, 1));
  CHECK(resolver(b) == web(0));
}

TEST_CASE("a digest that is known, or that the spec names, needs no resolver") {
  auto b = web_on({"a"});
  pin_version(b);
  CHECK(image_pin(b.view(), *b.view().version(SnapshotBuilder::uid("web"), 1)) == ImagePin{kDigest, {}});
  SnapshotBuilder named;
  named.workload("web", [](WorkloadSpec& s) { s.pod.image = "registry/app@" + kDigest; });
  CHECK(image_pin(named.view(), *named.view().version(SnapshotBuilder::uid("web"), 1)).digest == kDigest);
}

TEST_CASE("commits that move the pin touch the nodes of all its replicas, others none") {
  auto b = web_on({"a", "b", "c"});
  const std::set<NodeId> all{NodeId{"a"}, NodeId{"b"}, NodeId{"c"}};
  const auto touched = [&](const std::function<void()>& change) {
    const Snapshot before = b.view();
    change();
    return nodes_with_moved_pins(before, b.view(), {b.commits().back()});
  };
  CHECK(touched([&] { b.change_replica(web(1), in(Phase::preparing)); }).empty());
  CHECK(touched([&] { b.change_replica(web(0), in(Phase::backoff)); }) == all);
  CHECK(touched([&] { b.node("b", [](Node& n) { n.state = NodeState::suspect; }); }) == all);
  CHECK(touched([&] { b.node("a", [](Node& n) { n.cordoned = true; }); }).empty());
  CHECK(touched([&] { pin_version(b); }) == all);
  CHECK(touched([&] { b.change_replica(web(0), in(Phase::running)); }).empty());
}

TEST_CASE("at every commit the nodes that are not touched have the set they had") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    auto b = web_on({"a", "b", "c", "d"});
    CommonParts parts;  // followed from the first commit on
    for (int step = 0; step < 20; ++step) {
      const Snapshot before = b.view();
      const auto id = web(random() % 4);
      const std::string node(1, static_cast<char>('a' + random() % 4));
      switch (random() % 6) {
        case 0:
          b.node(node, [&](Node& n) { n.state = static_cast<NodeState>(1 + random() % 3); });
          break;
        case 1:
          b.change_replica(id, [](Replica& r) { r.stop = StopCause::scale; });
          break;
        case 2:
          if (random() % 3 == 0) pin_version(b);
          break;
        default:
          b.change_replica(
              id, in(static_cast<Phase>(2 + random() % 10), static_cast<std::uint32_t>(1 + random() % 3)));
      }
      if (before.revision() == b.view().revision()) continue;
      parts.apply({b.commits().back()});
      const auto touched = touched_nodes(before, b.view(), {b.commits().back()});
      for (const char* one : {"a", "b", "c", "d"}) {
        CommonParts fresh, anew;
        const auto old = whole(held_set(before, NodeId{one}, fresh, {}));
        const auto now = whole(held_set(b.view(), NodeId{one}, anew, {}));
        CHECK(whole(held_set(b.view(), NodeId{one}, parts, {})) == now);
        if (!touched.contains(NodeId{one})) CHECK(old.assignments == now.assignments);
      }
    }
  }
}

}  // namespace cloudless::node_link
