#include "actors/scheduler/explain.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;
using cloudless::test::SnapshotBuilder;

namespace {

Explanation explanation_of(const SnapshotBuilder& world) {
  Model model;
  model.load(world.view());
  return explain_unplaced(demand_of(model, model.pending().begin()->slot, 1));
}

std::function<void(Node&)> with_cpu(std::uint64_t ordinal, std::int64_t cpu) {
  return [=](Node& n) {
    n.ordinal = ordinal;
    n.description.allocatable.cpu_millicores = cpu;
  };
}

}  // namespace

TEST_CASE("The explanation counts nodes by the first filter, and names the nearest miss of each sort") {
  SnapshotBuilder world;
  world.node("node-1", with_cpu(1, 100)).node("node-2", with_cpu(2, 380)).node("node-3", with_cpu(3, 380));
  world.node("node-4", [](Node& n) {
    n.ordinal = 4;
    n.taints = {{"gpu", "true", TaintEffect::no_schedule}};
  });
  world.workload("web", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 500; }).replica("web");
  const auto e = explanation_of(world);
  CHECK(e.nodes == 4);
  CHECK(e.fitting == 0);
  CHECK(e.rejections == std::vector<Rejection>{{Filter::taint, 1}, {Filter::cpu, 3}});
  REQUIRE(e.nearest.size() == 2);
  CHECK(e.nearest[0] == Miss{NodeId{"node-2"}, {Filter::cpu}, {"lacks 120 millicores"}});
  CHECK(e.nearest[1] ==
        Miss{NodeId{"node-4"}, {Filter::taint}, {"lacks a toleration for gpu=true:NO_SCHEDULE"}});
  CHECK(in_words(e) ==
        "no node fits: 1 of 4 nodes is tainted, 3 of 4 nodes lack cpu; node-2 lacks 120 millicores; node-4 "
        "lacks "
        "a toleration for gpu=true:NO_SCHEDULE; it would fit with requests.cpu_millicores of 380");
}

TEST_CASE("The remedy is the smallest change, and it has been tried") {
  struct Case {
    const char* name;
    std::function<void(Node&)> node;
    std::function<void(WorkloadSpec&)> spec;
    const char* remedy;
  };
  const auto placed = [](const std::function<void(Placement&)>& change) {
    return [=](WorkloadSpec& s) { change(s.pod.placement); };
  };
  const auto asks = [](Resources r) { return [=](WorkloadSpec& s) { s.pod.requests = r; }; };
  const Case cases[] = {
      {"cordon", [](Node& n) { n.cordoned = true; }, {}, "n uncordoned"},
      {"offline", [](Node& n) { n.state = NodeState::offline; }, {}, ""},
      {"region", [](Node& n) { n.description.region = "s"; }, placed([](Placement& p) { p.regions = {"r"}; }),
       "region s allowed"},
      {"region without a name", {}, placed([](Placement& p) { p.regions = {"r"}; }), ""},
      {"zone", [](Node& n) { n.description.zone = "b"; }, placed([](Placement& p) { p.zones = {"a"}; }),
       "zone b allowed"},
      {"selector",
       [](Node& n) {
         n.labels = {{"x", "1"}};
       },
       placed([](Placement& p) {
         p.node_selector = {{"x", "1"}, {"y", "2"}};
       }),
       "node_selector without y=2"},
      {"node affinity",
       {},
       placed([](Placement& p) {
         p.affinity = {{Topology::node, true, {}, {{"x", LabelOperator::exists, {}}}, 1}};
       }),
       "its node affinity as a preference"},
      {"taints",
       [](Node& n) {
         n.taints = {{"x", "", TaintEffect::no_schedule}, {"y", "1", TaintEffect::no_execute}};
       },
       {},
       "a toleration for x:NO_SCHEDULE and a toleration for y=1:NO_EXECUTE"},
      {"architecture", [](Node& n) { n.description.architecture = "arm64"; },
       placed([](Placement& p) { p.architectures = {"amd64"}; }), "architecture arm64 allowed"},
      {"memory", {}, asks({1, 3LL << 30, 0, 0, 0, 0}), "requests.memory_bytes of 1073741824"},
      {"storage that is not there", {}, asks({1, 1, 0, 8000, 0, 0}), ""},
      {"gpus", [](Node& n) { n.description.allocatable.gpu_count = 2; }, asks({1, 1, 0, 0, 5, 0}),
       "requests.gpu_count of 2"},
      {"two changes", [](Node& n) { n.description.zone = "b"; },
       [](WorkloadSpec& s) {
         s.pod.placement.zones = {"a"};
         s.pod.requests.cpu_millicores = 5000;
       },
       "zone b allowed and requests.cpu_millicores of 1000"},
      {"company",
       {},
       placed([](Placement& p) {
         p.affinity = {{Topology::zone, true, {{"app", "db"}}, {}, 1}};
       }),
       "its workload affinity as a preference"},
      {"host path", [](Node& n) { n.description.policy = NodePolicy{}; },
       [](WorkloadSpec& s) { s.pod.host_network = true; }, ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    SnapshotBuilder world;
    world.node("n", c.node).workload("web", c.spec).replica("web");
    CHECK(explanation_of(world).remedy == c.remedy);
  }
}

TEST_CASE("The remedy for replicas that are in each other's way") {
  SnapshotBuilder world;
  world.node("n").node("m", [](Node& n) {
    n.description.zone = "b";
    n.description.allocatable.cpu_millicores = 0;
  });
  world.workload("web", [](WorkloadSpec& s) {
    s.labels = {{"app", "web"}};
    s.pod.placement.spread = Spread::zone;
    s.pod.placement.max_skew = 1;
  });
  world.replica("web", SnapshotBuilder::running("n")).replica("web");
  CHECK(explanation_of(world).remedy == "max_skew of 2");
  world.workload("web", [](WorkloadSpec& s) {
    s.pod.placement.max_skew.reset();
    s.pod.placement.anti_affinity = {{Topology::node, true, {{"app", "web"}}, {}, 1}};
  });
  world.change_replica(SnapshotBuilder::id("web", 1), [](Replica& r) { r.version = 2; });
  CHECK(explanation_of(world).remedy == "its workload anti-affinity as a preference");
}

TEST_CASE("Reasons end within 1024 bytes, and never within a character") {
  SnapshotBuilder world;
  for (int i = 0; i < 3; ++i)
    world.node("n" + std::to_string(i), [&](Node& n) {
      n.taints = {{"k", std::string(i + 1, 'x') + std::string(400, '\xC3'), TaintEffect::no_schedule}};
      for (std::size_t at = i + 2; at < n.taints[0].value.size(); at += 2) n.taints[0].value[at] = '\xA9';
      if (i > 0) n.cordoned = true;
      if (i > 1) n.description.allocatable.cpu_millicores = 0;
    });
  world.workload("web").replica("web");
  const auto words = in_words(explanation_of(world));
  CHECK(words.size() <= 1024);
  CHECK(words.size() > 1000);
}

TEST_CASE("A placed replica is explained as if it were placed now, with the best other node") {
  SnapshotBuilder world;
  world.node("a").node("b", [](Node& n) { n.recent_losses = 1; });
  world.node("c", [](Node& n) { n.recent_losses = 5; });
  world.workload("web", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 900; });
  world.replica("web", SnapshotBuilder::running("a"));
  Model model;
  model.load(world.view());
  const ReplicaSlot slot{SnapshotBuilder::uid("web"), 0};
  const auto e = explain_placed(model, slot, 1);
  REQUIRE(e.has_value());
  CHECK(e->node.value == "a");
  CHECK(e->lacks.empty());
  CHECK(e->terms.wishes == 0);
  CHECK(e->terms.reliability == Term{1000, 250});
  REQUIRE(e->runner_up.has_value());
  CHECK(e->runner_up->node.value == "b");
  CHECK(model.nodes().at(NodeId{"a"}).reserved.cpu == 900);
  world.node("a", [](Node& n) { n.cordoned = true; });
  model.load(world.view());
  CHECK(explain_placed(model, slot, 1)->lacks == std::vector<std::string>{"is cordoned"});
  CHECK_FALSE(explain_placed(model, {SnapshotBuilder::uid("web"), 9}, 1).has_value());
}
