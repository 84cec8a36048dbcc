#include "actors/scheduler/score.hpp"

#include <doctest/doctest.h>

#include "actors/scheduler/object_scheduler.hpp"
#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;
using cloudless::test::SnapshotBuilder;

namespace {

/// Two equal nodes, "a" before "b", and a pending replica of "web".
struct Two {
  SnapshotBuilder world;
  Model model;
  Two() { world.node("a", in("r", "z")).node("b", in("r", "z")).workload("web").replica("web"); }
  static std::function<void(Node&)> in(const std::string& region, const std::string& zone) {
    return [=](Node& n) {
      n.ordinal = n.description.id.value == "a" ? 1 : 2;
      n.description.region = region;
      n.description.zone = zone;
      n.description.allocatable = Resources{1000, 1000 << 20, 1 << 30, 0, 0};
    };
  }
  Two& web(const std::function<void(WorkloadSpec&)>& change) {
    world.workload("web", change);
    const auto version = world.view().workload(SnapshotBuilder::uid("web"))->version;
    world.change_replica(SnapshotBuilder::id("web", 0), [&](Replica& r) { r.version = version; });
    return *this;
  }
  Two& placed(const std::function<void(Placement&)>& change) {
    return web([&](WorkloadSpec& s) { change(s.pod.placement); });
  }
  Two& db(const std::string& node) {
    if (!world.view().workload(SnapshotBuilder::uid("db")))
      world.workload("db", [](WorkloadSpec& s) {
        s.labels = {{"app", "db"}};
        s.pod.requests = Resources{};
        s.pod.image = "db:1";
      });
    world.replica("db", SnapshotBuilder::running(node));
    return *this;
  }
  std::string best() {
    model.load(world.view());
    const auto best = choose(demand()).best;
    return best ? best->node.value : "";
  }
  ScoreTerms on(const std::string& node) {
    model.load(world.view());
    return score(demand(), model.nodes().at(NodeId{node}));
  }
  Demand demand() { return demand_of(model, {SnapshotBuilder::uid("web"), 0}, 1); }
};

/// No term counts but the ones given.
Scoring only(std::optional<std::uint32_t> Scoring::*term) {
  Scoring s{0, 0, 0, 0, 0, std::nullopt};
  if (term != nullptr) s.*term = 1000;
  return s;
}

AffinityTerm towards_db(Topology topology, std::uint32_t weight = 1) {
  return {topology, false, {{"app", "db"}}, {}, weight};
}

}  // namespace

TEST_CASE("Of equal nodes the one with the lowest ordinal is chosen, whatever its name") {
  Two two;
  CHECK(two.on("a") == two.on("b"));
  CHECK(two.best() == "a");
  two.world.node("a", [](Node& n) { n.ordinal = 3; });
  CHECK(two.best() == "b");
}

TEST_CASE("Without data every term has its value") {
  const auto terms = Two().on("a");
  CHECK(terms.locality == Term{350, 300});
  CHECK(terms.reliability == Term{1000, 250});
  CHECK(terms.cost == Term{500, 150});
  // 900 of 1000 millicores and 968 of 1000 MiB are left.
  CHECK(terms.utilization == Term{(4000 - 2 * (900 + 968) - 68) / 4, 200});
  CHECK(terms.network == Term{0, 100});
  CHECK(terms.wishes == 0);
  CHECK(terms.total() == 350 * 300 + 250'000 + 75'000 + 49 * 200);
}

TEST_CASE("Locality: zones and regions as asked for, in the order asked for") {
  Two two;
  two.world.node("b", Two::in("s", "y"));
  two.web([](WorkloadSpec& s) { s.scoring = only(&Scoring::locality); });
  CHECK(two.best() == "a");
  two.placed([](Placement& p) { p.zones = {"y", "x", "z"}; });
  CHECK(two.best() == "b");
  CHECK(two.on("b").locality.value == 1000 * 4 / 10 + 150);
  CHECK(two.on("a").locality.value == 334 * 4 / 10 + 150);
  two.placed([](Placement& p) { p.zones.clear(), p.regions = {"s", "r"}; });
  CHECK(two.best() == "b");
  CHECK(two.on("a").locality.value == 500 * 4 / 10 + 150);
  two.placed([](Placement& p) { p.zones = {"z", "y"}; });  // the zone decides where both are given
  CHECK(two.best() == "a");
}

TEST_CASE("Locality: where the image already is, also of replicas that have ended") {
  Two two;
  two.web([](WorkloadSpec& s) { s.scoring = only(&Scoring::locality); });
  two.world.workload("twin");
  two.world.replica("twin", SnapshotBuilder::running("b"));
  CHECK(two.best() == "b");
  CHECK(two.on("b").locality.value - two.on("a").locality.value == 300);
  const auto twin = SnapshotBuilder::id("twin", 0);
  two.world.change_replica(twin, [](Replica& r) { r.phase = Phase::failed; });
  CHECK(two.best() == "b");
  two.world.change_replica(twin, [](Replica& r) { r.phase = Phase::preparing; });
  CHECK(two.best() == "a");
  two.world.change_replica(twin, [](Replica& r) { r.attempt = 2; });
  CHECK(two.best() == "b");
  two.world.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; });
  two.world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) { r.version = 2; });
  CHECK(two.best() == "a");
}

TEST_CASE("Locality and network: where the peers are") {
  Two two;
  two.world.node("b", Two::in("s", "y")).node("c", Two::in("s", "x"));
  two.placed([](Placement& p) { p.affinity = {towards_db(Topology::region)}; });
  two.web([](WorkloadSpec& s) { s.scoring = only(&Scoring::locality); });
  CHECK(two.on("a").locality.value == 350);  // no peers yet
  CHECK(two.on("a").network.value == 0);
  two.db("a").db("b").db("b");
  CHECK(two.on("a").locality.value == 200 + 333 * 3 / 10);
  CHECK(two.on("b").locality.value == 200 + 666 * 3 / 10);
  two.web([](WorkloadSpec& s) { s.pod.placement.affinity[0].weight = 2; });
  two.world.change_replica(SnapshotBuilder::id("db", 0), [](Replica& r) { r.stop = StopCause::scale; });
  CHECK(two.on("a").locality.value == 200);
  CHECK(two.on("a").network.value == 500);
  CHECK(two.on("c").network.value == 0);
}

TEST_CASE("Reliability: a node that went away of late is worth less") {
  Two two;
  two.web([](WorkloadSpec& s) { s.scoring = only(&Scoring::reliability); });
  for (const auto& [losses, value] : {std::pair{1, 800}, {5, 0}, {99, 0}}) {
    two.world.node("a", [&](Node& n) { n.recent_losses = static_cast<std::uint32_t>(losses); });
    CHECK(two.on("a").reliability == Term{value, 1000});
    CHECK(two.best() == "b");
  }
}

TEST_CASE("Cost: the cheaper node, and one without a figure stands where 1000 would") {
  Two two;
  two.web([](WorkloadSpec& s) { s.scoring = only(&Scoring::cost); });
  for (const auto& [milli, value, best] :
       {std::tuple{0ULL, 500, "a"}, {1001ULL, 499, "b"}, {1ULL, 999, "a"}, {1ULL << 63, 0, "b"}}) {
    two.world.node("a", [&, m = milli](Node& n) { n.description.cost_milli = m; });
    CHECK(two.on("a").cost == Term{value, 1000});
    CHECK(two.best() == best);
  }
}

TEST_CASE("Utilization: full nodes are filled up, or empty ones preferred, evenly in cpu and memory") {
  Two two;
  two.world.workload("big", [](WorkloadSpec& s) { s.pod.requests = Resources{500, 500 << 20, 0, 0, 0}; });
  two.world.replica("big", SnapshotBuilder::running("b"));
  two.web([](WorkloadSpec& s) {
    s.scoring = only(&Scoring::utilization);
    s.pod.image = "other";
  });
  CHECK(two.best() == "b");
  two.web([](WorkloadSpec& s) { s.scoring.mode = Utilization::balance; });
  CHECK(two.best() == "a");
  Two uneven;
  uneven.world.workload("cpus", [](WorkloadSpec& s) { s.pod.requests = Resources{400, 0, 0, 0, 0}; });
  uneven.world.workload("even", [](WorkloadSpec& s) { s.pod.requests = Resources{200, 200 << 20, 0, 0, 0}; });
  uneven.world.replica("cpus", SnapshotBuilder::running("a")).replica("even", SnapshotBuilder::running("b"));
  uneven.web([](WorkloadSpec& s) {
    s.scoring = only(&Scoring::utilization);
    s.pod.image = "other";
  });
  CHECK(uneven.best() == "b");
}

TEST_CASE("Utilization: what asks for no GPU keeps away from idle ones, and shares gather on one") {
  Two two;
  two.world.node("a", [](Node& n) { n.description.allocatable.gpu_count = 2; });
  two.web([](WorkloadSpec& s) { s.scoring = only(&Scoring::utilization); });
  const auto plain = two.on("b").utilization.value;
  CHECK(plain == 49);
  // 900 thousandths of cpu are left, and all of the GPUs.
  CHECK(two.on("a").utilization.value == 250 + ((900 - 1000) >> 2));
  for (const char* node : {"a", "b"})
    two.world.node(node, [](Node& n) { n.description.allocatable = {64'000, 1 << 30, 0, 0, 2, 0}; });
  two.web([](WorkloadSpec& s) { s.pod.requests = Resources{1, 1, 0, 0, 0, 300}; });
  two.world.workload("share", [](WorkloadSpec& s) { s.pod.requests = Resources{1, 1, 0, 0, 0, 400}; });
  CHECK(two.best() == "a");
  two.world.replica("share", [](Replica& r) {
    SnapshotBuilder::running("b")(r);
    r.gpus = std::vector<std::uint8_t>{1};
  });
  CHECK(two.best() == "b");
  const auto choice = choose(two.demand()).best;
  CHECK(choice->gpus == std::vector<std::uint8_t>{1});
}

TEST_CASE("Network: the nearer link") {
  Two two;
  two.web([](WorkloadSpec& s) { s.scoring = only(&Scoring::network); });
  for (const auto& [rtt, value] : {std::pair{1U, 5}, {99U, 495}, {100U, 500}, {4'000'000'000U, 500}}) {
    two.world.node("a", [&, r = rtt](Node& n) { n.link_rtt_ms = r; });
    CHECK(two.on("a").network == Term{value, 1000});
    CHECK(two.best() == "b");
  }
}

TEST_CASE("Wishes: preferred nodes, company and its absence, and taints that only ask") {
  struct Case {
    const char* name;
    std::function<void(Two&)> prepare;
    std::int32_t a, b;
  };
  const Case cases[] = {
      {"node expressions",
       [](Two& t) {
         t.world.node("b", [](Node& n) { n.labels = {{"disk", "ssd"}}; });
         t.placed([](Placement& p) {
           p.affinity = {{Topology::node, false, {}, {{"disk", LabelOperator::exists, {}}}, 7}};
         });
       },
       0, 7000},
      {"company",
       [](Two& t) { t.db("b").placed([](Placement& p) { p.affinity = {towards_db(Topology::node, 100)}; }); },
       0, 100'000},
      {"company in the zone",
       [](Two& t) { t.db("b").placed([](Placement& p) { p.affinity = {towards_db(Topology::zone, 3)}; }); },
       3000, 3000},
      {"no company",
       [](Two& t) {
         t.db("a").placed([](Placement& p) { p.anti_affinity = {towards_db(Topology::node, 2)}; });
       },
       -2000, 0},
      {"taints, once",
       [](Two& t) {
         t.world.node("a", [](Node& n) {
           n.taints = {{"x", "", TaintEffect::prefer_no_schedule},
                       {"y", "", TaintEffect::prefer_no_schedule}};
         });
       },
       -100'000, 0},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Two two;
    two.web([](WorkloadSpec& s) { s.scoring = only(nullptr); });
    c.prepare(two);
    CHECK(two.on("a").wishes == c.a);
    CHECK(two.on("b").wishes == c.b);
    CHECK(two.best() == (c.b > c.a ? "b" : "a"));
  }
}

TEST_CASE("Wishes: replicas of one workload keep apart, over nodes always and over zones when asked") {
  Two two;
  two.world.node("b", Two::in("r", "y")).node("c", Two::in("r", "z"));
  for (int i = 0; i < 12; ++i) two.world.replica("web", SnapshotBuilder::running(i == 0 ? "c" : "a"));
  two.web([](WorkloadSpec& s) { s.pod.requests = Resources{}; });
  const auto check = [&](std::int32_t a, std::int32_t b, std::int32_t c) {
    CHECK(two.on("a").wishes == a);
    CHECK(two.on("b").wishes == b);
    CHECK(two.on("c").wishes == c);
  };
  check(-1'000'000, 0, -100'000);
  two.placed([](Placement& p) { p.spread = Spread::none; });
  check(0, 0, 0);
  two.placed([](Placement& p) { p.spread = Spread::zone; });
  check(-2'000'000, 0, -1'100'000);
  two.placed([](Placement& p) { p.max_skew = 1000; });
  check(-1'000'000, 0, -100'000);
  two.placed([](Placement& p) { p.max_skew.reset(), p.spread = Spread::region; });
  check(-1'000'000, 0, -100'000);
}
