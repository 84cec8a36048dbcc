#include "actors/scheduler/engine/engine.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <initializer_list>
#include <vector>

#include "actors/scheduler/engine/engine_drive.test.hpp"

using namespace cloudless::scheduler::engine;

namespace {

/// CLOUDLESS_ENGINE_TEST_SCALE multiplies how much is compared.
std::uint64_t scale_of_engine_test() {
  const char* scale = std::getenv("CLOUDLESS_ENGINE_TEST_SCALE");
  return scale == nullptr ? 1 : std::strtoull(scale, nullptr, 10);
}

void compare_seeds(std::uint64_t first, std::uint64_t seeds, std::uint32_t most_nodes, std::size_t bytes,
                   std::uint64_t least_decisions) {
  std::uint64_t decisions = 0, placed = 0, histograms = 0;
  for (std::uint64_t seed = first; seed < first + seeds * scale_of_engine_test(); ++seed) {
    const DriveResult result = drive_seed(seed, most_nodes, bytes);
    INFO("seed ", seed, ", at most ", most_nodes, " nodes, ", bytes, " bytes");
    REQUIRE(result.difference == "");
    decisions += result.decisions;
    placed += result.placed;
    histograms += result.histograms;
  }
  MESSAGE(decisions, " decisions compared, ", placed, " of them placements, and ", histograms, " histograms");
  CHECK(decisions >= least_decisions);
  CHECK(placed * 4 >= decisions);  // else mostly full clusters were compared
  CHECK(placed < decisions);
}

}  // namespace

TEST_CASE(
    "the engine decides as a loop over all nodes does, in a million random decisions on small clusters") {
  compare_seeds(1, 3500, 100, 1000, 1'000'000);
}

TEST_CASE("the engine decides as a loop over all nodes does on larger clusters") {
  compare_seeds(1'000'000, 120, 2000, 1000, 20'000);
}

namespace {

/// Nodes of 10 cores and 10 GiB, one after the other into these zones; each zone in the region of half its
/// number.
struct SmallCluster {
  Engine engine;
  explicit SmallCluster(std::initializer_list<ZoneIndex> zones_of_nodes, std::size_t budget = 1U << 20)
      : engine(budget) {
    for (RegionIndex region : {0, 0, 1, 1}) engine.add_zone(region);
    NodeIndex node = 0;
    for (const ZoneIndex zone : zones_of_nodes) engine.put(node++, row(zone));
  }
  static NodeRow row(ZoneIndex zone) {
    NodeRow row;
    row.cpu = row.room_cpu = 10'000;
    row.memory = row.room_memory = 10'240;
    row.zone = zone;
    return row;
  }
};

ClassSpec one_core() {
  ClassSpec spec;
  spec.request.cpu = 1000;
  spec.request.memory = 1024;
  return spec;
}

std::vector<NodeIndex> nodes_of(const std::vector<Choice>& choices) {
  std::vector<NodeIndex> nodes;
  for (const Choice& choice : choices) nodes.push_back(choice.node);
  return nodes;
}

}  // namespace

TEST_CASE("bytes of any kind and number drive the engine and the oracle alike") {
  CHECK(drive({}, 1).difference == "");
  for (const int byte : {0, 1, 127, 160, 200, 235, 238, 240, 250, 255}) {
    INFO("byte ", byte);
    const std::vector<std::uint8_t> bytes(300, static_cast<std::uint8_t>(byte));
    CHECK(drive(bytes, 50).difference == "");
  }
}

TEST_CASE("of equal nodes the first is chosen, across zones and after a node changed its zone") {
  SmallCluster small({3, 2, 1, 0});
  const ClassId id = small.engine.use(one_core());
  CHECK(small.engine.best(id).node == 0);
  small.engine.remove(0);
  CHECK(small.engine.best(id).node == 1);
  small.engine.put(1, SmallCluster::row(0));  // now behind node 3 in zone 0
  CHECK(small.engine.best(id).node == 1);
  small.engine.put(0, SmallCluster::row(0));
  CHECK(small.engine.best(id).node == 0);
}

TEST_CASE("a score is made of its terms as documented") {
  SmallCluster small({0});
  NodeRow row = SmallCluster::row(0);
  row.reliability = 800;
  row.cost = 400;
  row.latency = 50;
  small.engine.put(0, row);
  const AttributeId image = small.engine.add_attribute();
  small.engine.set_attribute(image, 0, true);
  ClassSpec spec = one_core();
  spec.asked = {700};
  spec.image = {image};
  // locality: 280 asked, 300 image, 150 for no peers; 900 of 1000 left: 100 used
  const std::int32_t used = (4000 - 2 * (((9000 * 6553) >> 16) + ((9216 * 6400) >> 16)) -
                             (((9216 * 6400) >> 16) - ((9000 * 6553) >> 16))) >>
                            2;
  CHECK(small.engine.best(small.engine.use(spec)).score ==
        300 * (280 + 300 + 150) + 250 * 800 + 150 * 400 + 200 * used - 100 * 50);
}

TEST_CASE("a trial leaves nothing behind unless it is kept") {
  SmallCluster small({0, 1, 2});
  ClassSpec spec = one_core();
  const GroupId own = small.engine.add_group();
  spec.joins = {own};
  spec.anti_affinity = {{own, Topology::node}};
  const ClassId id = small.engine.use(spec);
  const Choice before = small.engine.best(id);
  {
    Trial gang(small.engine);
    CHECK(small.engine.place(id, 4).size() == 3);  // one per node
    {
      Trial inner(small.engine);
      small.engine.release(id, 2, 0);
      inner.keep();
    }
    CHECK(small.engine.best(id).node == 2);
  }
  CHECK(small.engine.best(id) == before);
  CHECK(small.engine.cluster().group(own).total() == 0);
  {
    Trial gang(small.engine);
    small.engine.commit(id, 0);
    gang.keep();
  }
  CHECK(small.engine.best(id).node == 1);
}

TEST_CASE("required affinity starts anywhere if it matches itself, and then stays") {
  SmallCluster small({0, 1, 2, 2});
  const GroupId own = small.engine.add_group();
  ClassSpec spec = one_core();
  spec.joins = {own};
  spec.affinity = {{own, Topology::zone, false}};
  CHECK(!small.engine.best(small.engine.use(spec)));
  spec.affinity = {{own, Topology::zone, true}};
  spec.spread = {.own = own, .over_nodes = true};
  const ClassId id = small.engine.use(spec);
  small.engine.commit(id, 2);
  CHECK(nodes_of(small.engine.place(id, 3)) == std::vector<NodeIndex>{3, 2, 3});
}

TEST_CASE("a hard spread counts only domains that have a node for the class") {
  SmallCluster small({0, 1, 2});
  const AttributeId fast = small.engine.add_attribute();
  small.engine.set_attribute(fast, 0, true);
  small.engine.set_attribute(fast, 1, true);
  ClassSpec spec = one_core();
  const GroupId own = small.engine.add_group();
  spec.fixed = {{fast, true}};
  spec.joins = {own};
  spec.spread = {.own = own, .max_skew = 1, .hard_over = Topology::zone};
  const ClassId id = small.engine.use(spec);
  CHECK(nodes_of(small.engine.place(id, 4)) == std::vector<NodeIndex>{0, 1, 0, 1});
  small.engine.set_attribute(fast, 2, true);  // the third zone has none: only it may have one
  CHECK(nodes_of(small.engine.place(id, 2)) == std::vector<NodeIndex>{2, 2});
  NodeRow closed = SmallCluster::row(2);
  closed.open = false;
  small.engine.put(2, closed);
  CHECK(nodes_of(small.engine.place(id, 2)) == std::vector<NodeIndex>{0, 1});
}

TEST_CASE("every node is counted under the first filter that rejects it") {
  SmallCluster small({0, 0, 0, 0, 0, 0});
  const AttributeId tainted = small.engine.add_attribute(), failed = small.engine.add_attribute();
  const GroupId port = small.engine.add_group();
  NodeRow closed = SmallCluster::row(0);
  closed.open = false;
  small.engine.put(0, closed);
  small.engine.set_attribute(tainted, 0, true);  // closed first
  small.engine.set_attribute(tainted, 1, true);
  small.engine.count(port, 2, true);
  small.engine.take(3, {10'000, 10'240, 0, 0, 0, 0});
  small.engine.set_attribute(failed, 4, true);
  ClassSpec spec = one_core();
  spec.fixed = {{tainted, false}};
  spec.ports = {port};
  spec.failed = {failed};
  Why wanted;
  wanted.nodes = 6;
  wanted.state = wanted.host_port = wanted.cpu = wanted.failed = wanted.fits = 1;
  wanted.fixed = {1};
  CHECK(small.engine.why(small.engine.use(spec)) == wanted);
}

TEST_CASE("equal specs are one class until the last use is dropped") {
  SmallCluster small({0});
  const ClassId id = small.engine.use(one_core());
  CHECK(small.engine.use(one_core()) == id);
  CHECK(small.engine.classes().classes() == 1);
  small.engine.drop(id);
  CHECK(small.engine.best(id).node == 0);
  small.engine.drop(id);
  CHECK(small.engine.classes().classes() == 0);
}

TEST_CASE("indexes stay within their budget, and decisions do not depend on it") {
  SmallCluster generous({0, 1, 2, 3}), tight({0, 1, 2, 3}, 2000);
  std::vector<ClassId> ids;
  for (int i = 0; i < 50; ++i) {
    ClassSpec spec = one_core();
    spec.request.cpu = 10 + i;
    ids.push_back(tight.engine.use(spec));
    REQUIRE(generous.engine.use(spec) == ids.back());
  }
  for (int round = 0; round < 5; ++round)
    for (const ClassId id : ids) REQUIRE(generous.engine.place(id, 1) == tight.engine.place(id, 1));
  CHECK(generous.engine.classes().indexes() == 50);
  CHECK(tight.engine.classes().indexes() < 5);
  CHECK(tight.engine.classes().bytes() < 4000);
}

TEST_CASE("calls about nodes that are not there change nothing") {
  SmallCluster small({0});
  const AttributeId attribute = small.engine.add_attribute();
  const GroupId group = small.engine.add_group();
  const ClassId id = small.engine.use(one_core());
  const Choice before = small.engine.best(id);
  for (const NodeIndex absent : {1U, 70U, kNoNode}) {
    small.engine.set_attribute(attribute, absent, true);
    small.engine.count(group, absent, true);
    small.engine.take(absent, {1, 1, 1, 1, 0, 0});
    small.engine.commit(id, absent);
    small.engine.release(id, absent, 0);
    small.engine.remove(absent);
  }
  CHECK(small.engine.best(id) == before);
  CHECK(small.engine.cluster().group(group).total() == 0);
}

TEST_CASE("slots of nodes that are gone are used again") {
  Engine engine;
  engine.add_zone(0);
  const ClassId id = engine.use(one_core());
  for (NodeIndex node = 0; node < 20'000; ++node) {
    engine.put(node, SmallCluster::row(0));
    if (node < 100) continue;
    engine.remove(node - 100);
    REQUIRE(engine.best(id).node == node - 99);
  }
  CHECK(engine.cluster().layout().blocks() < 100);
}

TEST_CASE("nodes that come in turns into many zones are laid out in few segments") {
  Engine engine;
  for (RegionIndex zone = 0; zone < 12; ++zone) engine.add_zone(zone % 3);
  for (NodeIndex node = 0; node < 20'000; ++node) engine.put(node, SmallCluster::row(node % 12));
  const ClassId id = engine.use(one_core());
  CHECK(engine.best(id).node == 0);
  CHECK(engine.cluster().layout().segments().size() <= 2 * (12 + 20'000 / 4096 + 1) + 16);
}
