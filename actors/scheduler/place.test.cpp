#include "actors/scheduler/place.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;
using cloudless::test::SnapshotBuilder;

namespace {

Placed place_all(const Snapshot& view, std::size_t limit = 100) {
  Inventory inventory;
  inventory.load(view);
  std::vector<Request> requests;
  for (const auto& [slot, r] : inventory.pending())
    requests.push_back({r, requests_of(view, *r), host_ports_of(view, *r)});
  return place(inventory, requests, limit);
}

std::vector<std::string> nodes_of(const Placed& placement) {
  std::vector<std::string> out;
  for (const auto& a : placement.assignments) out.push_back(a.node.value);
  return out;
}

std::function<void(WorkloadSpec&)> cpu(std::int64_t millicores) {
  return [=](WorkloadSpec& s) { s.pod.requests = Resources{millicores, 1 << 20, 0, 0, 0}; };
}
std::function<void(Node&)> in_zone(const std::string& zone) {
  return [=](Node& n) { n.description.zone = zone; };
}

}  // namespace

TEST_CASE("Replicas of one workload spread over nodes before any node gets a second one") {
  SnapshotBuilder world;
  world.node("a").node("b").node("c").workload("web", cpu(100));
  for (int i = 0; i < 4; ++i) world.replica("web");
  CHECK(nodes_of(place_all(world.view())) == std::vector<std::string>{"a", "b", "c", "a"});
}

TEST_CASE("Two replicas that want one host port never share a node, and the reason names the port") {
  const auto published = [](std::uint16_t number, Protocol protocol = Protocol::tcp,
                            bool host_network = false) {
    return [=](WorkloadSpec& s) {
      s.pod.requests = Resources{100, 1 << 20, 0, 0, 0};
      s.pod.host_network = host_network;
      s.pod.ports = {{"p", static_cast<std::uint16_t>(host_network ? number : 80), protocol,
                      host_network ? std::nullopt : std::optional(number)}};
    };
  };
  SnapshotBuilder world;
  world.node("a").node("b").workload("web", published(8080));
  for (int i = 0; i < 3; ++i) world.replica("web");
  const auto placement = place_all(world.view());
  CHECK(nodes_of(placement) == std::vector<std::string>{"a", "b"});
  REQUIRE(placement.unplaced.size() == 1);
  CHECK(placement.unplaced[0].reason == "no node fits: host port 8080/tcp is taken on 2 of 2 nodes");

  struct Case {
    const char* name;
    std::function<void(WorkloadSpec&)> there, wanted;
    bool fits;
  };
  const Case cases[] = {
      {"the same", published(8080), published(8080), false},
      {"another number", published(8080), published(8081), true},
      {"another protocol", published(53), published(53, Protocol::udp), true},
      {"chosen on the node", published(0), published(0), true},
      {"of a replica in the node's network", published(80, Protocol::tcp, true), published(80), false},
      {"for a replica in the node's network", published(80), published(80, Protocol::tcp, true), false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    for (const bool stopping : {false, true}) {
      SnapshotBuilder one;
      one.node("a").workload("old", c.there).workload("new", c.wanted);
      one.replica("old", [&](Replica& r) {
        SnapshotBuilder::running("a")(r);
        if (stopping) r.stop = StopCause::scale;
      });
      one.replica("new");
      CHECK(nodes_of(place_all(one.view())).size() == (c.fits ? 1 : 0));
    }
  }
}

TEST_CASE("Among nodes with as many replicas, the zone with the fewest comes first") {
  SnapshotBuilder world;
  world.node("a", in_zone("z1")).node("b", in_zone("z1")).node("c", in_zone("z2")).workload("web", cpu(100));
  world.replica("web", SnapshotBuilder::running("a")).replica("web");
  CHECK(nodes_of(place_all(world.view())) == std::vector<std::string>{"c"});
}

TEST_CASE("Among equals the most free node comes first, then the lowest id") {
  SnapshotBuilder world;
  world.node("a").node("b").workload("big", cpu(500)).workload("web", cpu(100));
  world.replica("big", SnapshotBuilder::running("a")).replica("web");
  CHECK(nodes_of(place_all(world.view())) == std::vector<std::string>{"b"});
  SnapshotBuilder equal;
  equal.node("b").node("a").workload("web", cpu(100)).replica("web");
  CHECK(nodes_of(place_all(equal.view())) == std::vector<std::string>{"a"});
}

TEST_CASE("Nodes that are cordoned, tainted, suspect or offline get nothing") {
  const std::vector<std::pair<const char*, void (*)(Node&)>> cases{
      {"cordoned", [](Node& n) { n.cordoned = true; }},
      {"no schedule",
       [](Node& n) {
         n.taints.push_back({"k", "", TaintEffect::no_schedule});
       }},
      {"no execute",
       [](Node& n) {
         n.taints.push_back({"k", "", TaintEffect::no_execute});
       }},
      {"suspect", [](Node& n) { n.state = NodeState::suspect; }},
      {"offline", [](Node& n) { n.state = NodeState::offline; }},
  };
  for (const auto& [name, change] : cases) {
    CAPTURE(name);
    SnapshotBuilder world;
    world.node("a", change).workload("web").replica("web");
    const auto placement = place_all(world.view());
    CHECK(placement.assignments.empty());
    REQUIRE(placement.unplaced.size() == 1);
    CHECK(placement.unplaced[0].reason.starts_with("no node fits: "));
  }
}

TEST_CASE("A prefer-no-schedule taint keeps nobody away") {
  SnapshotBuilder world;
  world.node("a", [](Node& n) { n.taints.push_back({"k", "", TaintEffect::prefer_no_schedule}); });
  world.workload("web").replica("web");
  CHECK(place_all(world.view()).assignments.size() == 1);
}

TEST_CASE("What earlier replicas of a batch took is not given to later ones") {
  SnapshotBuilder world;
  world.node("a").workload("web", cpu(600)).replica("web").replica("web");
  const auto placement = place_all(world.view());
  CHECK(placement.assignments.size() == 1);
  REQUIRE(placement.unplaced.size() == 1);
  CHECK(placement.unplaced[0].replica == SnapshotBuilder::id("web", 1));
  CHECK(placement.unplaced[0].reason ==
        "no node fits: 1 of 1 node lacks cpu, nearest is a short of 200 millicores");
}

TEST_CASE("The room of a replica that is told to stop is taken until it has ended") {
  SnapshotBuilder world;
  world.node("a").workload("old", cpu(600)).workload("web", cpu(600));
  world.replica("old", SnapshotBuilder::running("a")).replica("web");
  world.change_replica(SnapshotBuilder::id("old", 0), [](Replica& r) { r.stop = StopCause::scale; });
  CHECK(place_all(world.view()).assignments.empty());
  world.change_replica(SnapshotBuilder::id("old", 0), [](Replica& r) { r.phase = Phase::stopped; });
  CHECK(place_all(world.view()).assignments.size() == 1);
}

TEST_CASE("An assignment names the schedulable revision that was seen") {
  SnapshotBuilder world;
  world.node("a").workload("web").replica("web");
  const auto placement = place_all(world.view());
  REQUIRE(placement.assignments.size() == 1);
  CHECK(placement.assignments[0].schedulable_revision ==
        world.view().node(NodeId{"a"})->schedulable_revision);
}

TEST_CASE("The limit bounds a batch, and what is left over is neither placed nor explained") {
  SnapshotBuilder world;
  world.node("a").workload("web", cpu(1));
  for (int i = 0; i < 10; ++i) world.replica("web");
  const auto placement = place_all(world.view(), 4);
  CHECK(placement.assignments.size() == 4);
  CHECK(placement.unplaced.empty());
}

TEST_CASE("No batch ever exceeds a node's allocatable amounts, and nothing is left out that fits") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    SnapshotBuilder world;
    const auto nodes = 1 + random() % 6;
    for (std::uint64_t i = 0; i < nodes; ++i)
      world.node("n" + std::to_string(i), [&](Node& n) {
        n.description.allocatable.cpu_millicores = static_cast<std::int64_t>(random() % 2000);
        n.description.zone = "z" + std::to_string(random() % 2);
        n.cordoned = random() % 5 == 0;
      });
    for (std::uint64_t w = 0; w < 3; ++w) {
      const std::string name = "w" + std::to_string(w);
      world.workload(name, cpu(1 + static_cast<std::int64_t>(random() % 500)));
      for (std::uint64_t r = random() % 8; r > 0; --r) world.replica(name);
    }
    const auto placement = place_all(world.view());
    std::map<NodeId, std::int64_t> used;
    for (const auto& a : placement.assignments) {
      CHECK(world.view().node(a.node)->schedulable());
      used[a.node] += requests_of(world.view(), *world.view().replica(a.replica)).cpu_millicores;
    }
    for (const auto& [id, cpus] : used)
      CHECK(cpus <= world.view().node(id)->description.allocatable.cpu_millicores);
    for (const auto& u : placement.unplaced) {
      const auto wanted = requests_of(world.view(), *world.view().replica(u.replica)).cpu_millicores;
      world.view().nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& n) {
        if (n->schedulable()) CHECK(used[id] + wanted > n->description.allocatable.cpu_millicores);
      });
    }
  }
}
