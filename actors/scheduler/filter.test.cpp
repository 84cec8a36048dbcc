#include "actors/scheduler/filter.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using namespace cloudless::scheduler;
using cloudless::test::SnapshotBuilder;

namespace {

using ChangeNode = std::function<void(Node&)>;
using ChangeSpec = std::function<void(WorkloadSpec&)>;

/// Node "n" and a pending replica of "web", both as given.
struct Meeting {
  SnapshotBuilder world;
  Model model;
  Meeting(const ChangeNode& node, const ChangeSpec& spec) {
    world.node("n", node).workload("web", spec).replica("web");
  }
  std::vector<std::pair<Filter, std::string>> obstacles(Millis now = 1, const std::string& at = "n") {
    model.load(world.view());
    const Demand demand = demand_of(model, model.pending().begin()->slot, now);
    const NodeView& view = model.nodes().at(NodeId{at});
    std::vector<std::pair<Filter, std::string>> out;
    for (std::size_t i = 0; i < kFilters; ++i)
      if (const auto filter = static_cast<Filter>(i); !check(filter, demand, view))
        out.emplace_back(filter, explain(filter, demand, view));
    CHECK(rejection(demand, view) == (out.empty() ? std::nullopt : std::optional(out.front().first)));
    return out;
  }
  std::string lacks(Filter filter, const std::string& at = "n") {
    const auto found = obstacles(1, at);
    if (found.empty()) return "";
    CHECK(found.size() == 1);
    CHECK(found.front().first == filter);
    return found.front().second;
  }
};

ChangeSpec placed(const std::function<void(Placement&)>& change) {
  return [=](WorkloadSpec& s) { change(s.pod.placement); };
}

struct FilterCase {
  const char* name;
  Filter filter;
  ChangeNode node;
  ChangeSpec spec;
  const char* words;  // "": it fits
};

void check_cases(const std::vector<FilterCase>& cases) {
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Meeting meeting(c.node, c.spec);
    CHECK(meeting.lacks(c.filter) == c.words);
  }
}

ChangeSpec asks(Resources r) {
  return [=](WorkloadSpec& s) { s.pod.requests = r; };
}
ChangeNode has(Resources r) {
  return [=](Node& n) { n.description.allocatable = r; };
}
constexpr std::int64_t kMebi = 1 << 20;

}  // namespace

TEST_CASE("Nodes that are not ready, cordoned or draining get nothing") {
  check_cases({
      {"well", Filter::state, {}, {}, ""},
      {"suspect", Filter::state, [](Node& n) { n.state = NodeState::suspect; }, {}, "is SUSPECT"},
      {"offline", Filter::state, [](Node& n) { n.state = NodeState::offline; }, {}, "is OFFLINE"},
      {"cordoned", Filter::state, [](Node& n) { n.cordoned = true; }, {}, "is cordoned"},
      {"draining", Filter::state, [](Node& n) { n.draining = true; }, {}, "is draining"},
  });
}

TEST_CASE("Regions, zones, architectures and runtime classes are lists of what will do") {
  const ChangeNode node = [](Node& n) {
    n.description.region = "r1";
    n.description.zone = "b";
    n.description.architecture = "arm64";
    n.description.runtime_classes = {"runc"};
  };
  const auto cls = [](const char* name) { return [=](WorkloadSpec& s) { s.pod.runtime_class = name; }; };
  check_cases({
      {"region", Filter::region, node, placed([](Placement& p) {
         p.regions = {"r2", "r3"};
       }),
       "is in region r1, not r2 or r3"},
      {"its region", Filter::region, node, placed([](Placement& p) {
         p.regions = {"r2", "r1"};
       }),
       ""},
      {"zone", Filter::zone, node, placed([](Placement& p) { p.zones = {"a"}; }), "is in zone b, not a"},
      {"no zone", Filter::zone, {}, placed([](Placement& p) { p.zones = {"a"}; }), "is in zone \"\", not a"},
      {"its zone", Filter::zone, node, placed([](Placement& p) { p.zones = {"b"}; }), ""},
      {"architecture", Filter::architecture, node, placed([](Placement& p) { p.architectures = {"amd64"}; }),
       "is of architecture arm64, not amd64"},
      {"runtime class", Filter::runtime_class, node, cls("kata"),
       "lacks runtime class kata (policy.runtimes)"},
      {"its runtime class", Filter::runtime_class, node, cls("runc"), ""},
      {"classes not said", Filter::runtime_class, {}, cls("kata"), ""},
  });
}

TEST_CASE("Labels are asked by selector and by every operator of required node affinity") {
  const ChangeNode node = [](Node& n) { n.labels = {{"disk", "ssd"}, {"rank", "7"}}; };
  const auto needs = [](LabelExpression e) {
    return placed([=](Placement& p) { p.affinity = {{Topology::node, true, {}, {e}, 1}}; });
  };
  check_cases({
      {"selector", Filter::node_selector, node, placed([](Placement& p) {
         p.node_selector = {{"disk", "hdd"}};
       }),
       "lacks label disk=hdd"},
      {"its label", Filter::node_selector, node, placed([](Placement& p) {
         p.node_selector = {{"disk", "ssd"}};
       }),
       ""},
      {"in", Filter::node_affinity, node, needs({"disk", LabelOperator::in, {"hdd", "nvme"}}),
       "has no label disk in (hdd, nvme)"},
      {"in, and is", Filter::node_affinity, node, needs({"disk", LabelOperator::in, {"ssd"}}), ""},
      {"not in", Filter::node_affinity, node, needs({"disk", LabelOperator::not_in, {"ssd"}}),
       "has label disk in (ssd)"},
      {"not in what is not there", Filter::node_affinity, node, needs({"x", LabelOperator::not_in, {"ssd"}}),
       ""},
      {"exists", Filter::node_affinity, node, needs({"gpu", LabelOperator::exists, {}}), "lacks label gpu"},
      {"does not exist", Filter::node_affinity, node, needs({"disk", LabelOperator::does_not_exist, {}}),
       "has label disk"},
      {"above", Filter::node_affinity, node, needs({"rank", LabelOperator::greater, {"7"}}),
       "has no label rank above 7"},
      {"above, and is", Filter::node_affinity, node, needs({"rank", LabelOperator::greater, {"6"}}), ""},
      {"below", Filter::node_affinity, node, needs({"disk", LabelOperator::less, {"9"}}),
       "has no label disk below 9"},
      {"a wish", Filter::node_affinity, node, placed([](Placement& p) {
         p.affinity = {{Topology::node, false, {}, {{"x", LabelOperator::exists, {}}}, 1}};
       }),
       ""},
  });
}

TEST_CASE("Taints close a node but for those who tolerate them") {
  const auto tainted = [](TaintEffect effect) {
    return [=](Node& n) { n.taints = {{"gpu", "true", effect}}; };
  };
  const auto tolerating = [](Toleration t) { return placed([=](Placement& p) { p.tolerations = {t}; }); };
  const auto no_schedule = tainted(TaintEffect::no_schedule);
  check_cases({
      {"no schedule", Filter::taint, no_schedule, {}, "lacks a toleration for gpu=true:NO_SCHEDULE"},
      {"no execute",
       Filter::taint,
       tainted(TaintEffect::no_execute),
       {},
       "lacks a toleration for gpu=true:NO_EXECUTE"},
      {"prefer", Filter::taint, tainted(TaintEffect::prefer_no_schedule), {}, ""},
      {"tolerated", Filter::taint, no_schedule, tolerating({"gpu", "true", TaintEffect::no_schedule, {}}),
       ""},
      {"any value and effect", Filter::taint, no_schedule, tolerating({"gpu", "", {}, {}}), ""},
      {"another value", Filter::taint, no_schedule, tolerating({"gpu", "no", {}, {}}),
       "lacks a toleration for gpu=true:NO_SCHEDULE"},
      {"for a while: it may stay, not come", Filter::taint, tainted(TaintEffect::no_execute),
       tolerating({"gpu", "", {}, 30}), "lacks a toleration for gpu=true:NO_EXECUTE"},
  });
}

TEST_CASE("What an agent does not allow is not placed there, unless it has not said") {
  const auto policy = [](NodePolicy p) { return [=](Node& n) { n.description.policy = p; }; };
  const auto mounts = [](const char* path, bool read_only) {
    return [=](WorkloadSpec& s) { s.pod.volumes = {{"v", "/v", read_only, HostPath{path}}}; };
  };
  const auto data = policy({{{"/data", false}, {"/scratch", true}}, false, false, false, false});
  check_cases({
      {"not said", Filter::policy, {}, mounts("/etc", false), ""},
      {"below", Filter::policy, data, mounts("/data/x", true), ""},
      {"itself", Filter::policy, data, mounts("/data", true), ""},
      {"only the name begins so", Filter::policy, data, mounts("/database", true),
       "does not allow host path /database (policy.host_paths)"},
      {"writing", Filter::policy, data, mounts("/data/x", false),
       "does not allow host path /data/x for writing (policy.host_paths)"},
      {"writing where it may", Filter::policy, data, mounts("/scratch/x", false), ""},
      {"everything", Filter::policy, policy({{{"/", true}}, false, false, false, false}),
       mounts("/etc", false), ""},
      {"network", Filter::policy, data, [](WorkloadSpec& s) { s.pod.host_network = true; },
       "does not allow the host's network (policy.allow_host_network)"},
      {"privileged", Filter::policy, data, [](WorkloadSpec& s) { s.pod.security.privileged = true; },
       "does not allow privileged containers (policy.allow_privileged)"},
      {"processes", Filter::policy, data, [](WorkloadSpec& s) { s.pod.security.host_pid = true; },
       "does not allow the host's processes (policy.allow_host_pid)"},
      {"ipc", Filter::policy, data, [](WorkloadSpec& s) { s.pod.security.host_ipc = true; },
       "does not allow the host's IPC (policy.allow_host_ipc)"},
  });
}

TEST_CASE("Each amount must be free, and what is short is said") {
  const Resources node{1000, 100 * kMebi, 10 * kMebi, 5000, 2, 0};
  check_cases({
      {"all of it", Filter::cpu, has(node), asks(node), ""},
      {"cpu", Filter::cpu, has(node), asks({1120, 1, 0, 0, 0, 0}), "lacks 120 millicores"},
      {"memory", Filter::memory, has(node), asks({1, 103 * kMebi, 0, 0, 0, 0}), "lacks 3 MiB of memory"},
      {"memory by a byte", Filter::memory, has(node), asks({1, 100 * kMebi + 1, 0, 0, 0, 0}),
       "lacks 1 MiB of memory"},
      {"storage", Filter::storage, has(node), asks({1, 1, 11 * kMebi, 0, 0, 0}), "lacks 1 MiB of storage"},
      {"bandwidth", Filter::bandwidth, has(node), asks({1, 1, 0, 9000, 0, 0}), "lacks 4 kbit/s"},
      {"gpus", Filter::gpu, has(node), asks({1, 1, 0, 0, 3, 0}), "lacks 1 whole GPU"},
      {"share", Filter::gpu, has({9, kMebi, 0, 0, 0, 0}), asks({1, 1, 0, 0, 0, 100}), "has no GPU"},
  });
}

TEST_CASE("A share of a GPU must be free on one of them, and whole ones must be whole") {
  Meeting meeting(has({1000, 100 * kMebi, 0, 0, 2, 0}), asks({1, 1, 0, 0, 0, 500}));
  meeting.world.workload("other", asks({1, 1, 0, 0, 0, 600}));
  for (std::uint8_t gpu = 0; gpu < 2; ++gpu)
    meeting.world.replica("other", [&](Replica& r) {
      SnapshotBuilder::running("n")(r);
      r.gpus = std::vector<std::uint8_t>{gpu};
    });
  CHECK(meeting.lacks(Filter::gpu) == "lacks 100 thousandths of a GPU");
  meeting.world.workload("web", asks({1, 1, 0, 0, 1, 0}));
  meeting.world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) { r.version = 2; });
  CHECK(meeting.lacks(Filter::gpu) == "lacks 1 whole GPU");
}

TEST_CASE("Two replicas that want one host port never share a node, also while one of them stops") {
  const auto published = [](std::uint16_t number, Protocol protocol = Protocol::tcp,
                            bool host_network = false) {
    return [=](WorkloadSpec& s) {
      s.pod.host_network = host_network;
      s.pod.ports = {{"p", static_cast<std::uint16_t>(host_network ? number : 80), protocol,
                      host_network ? std::nullopt : std::optional(number)}};
    };
  };
  struct Case {
    const char* name;
    ChangeSpec there, wanted;
    const char* words;
  };
  const Case cases[] = {
      {"the same", published(8080), published(8080), "has host port 8080/tcp taken"},
      {"another number", published(8080), published(8081), ""},
      {"another protocol", published(53), published(53, Protocol::udp), ""},
      {"chosen on the node", published(0), published(0), ""},
      {"of a replica in the node's network", published(80, Protocol::tcp, true), published(80),
       "has host port 80/tcp taken"},
      {"for a replica in the node's network", published(80), published(80, Protocol::tcp, true),
       "has host port 80/tcp taken"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    for (const bool stopping : {false, true}) {
      Meeting meeting({}, c.wanted);
      meeting.world.workload("old", c.there).replica("old", [&](Replica& r) {
        SnapshotBuilder::running("n")(r);
        if (stopping) r.stop = StopCause::scale;
      });
      CHECK(meeting.lacks(Filter::host_port) == c.words);
    }
  }
}

TEST_CASE("Required affinity and anti-affinity hold over node, zone and region, both ways") {
  const auto term = [](Topology topology, bool required = true) {
    return AffinityTerm{topology, required, {{"app", "db"}}, {}, 1};
  };
  const auto near = [&](Topology t) { return placed([=](Placement& p) { p.affinity = {term(t)}; }); };
  const auto away = [&](Topology t) { return placed([=](Placement& p) { p.anti_affinity = {term(t)}; }); };
  struct Case {
    const char* name;
    Filter filter;
    ChangeSpec spec;
    const char *same_zone, *other_zone;  // for a db on a node of that
  };
  const Case cases[] = {
      {"near, node", Filter::workload_affinity, near(Topology::node), "has no replica of app=db",
       "has no replica of app=db"},
      {"near, zone", Filter::workload_affinity, near(Topology::zone), "",
       "has no replica of app=db in its zone a"},
      {"near, region", Filter::workload_affinity, near(Topology::region), "", ""},
      {"away, node", Filter::workload_anti_affinity, away(Topology::node), "", ""},
      {"away, zone", Filter::workload_anti_affinity, away(Topology::zone),
       "has a replica of app=db in its zone a", ""},
      {"away, region", Filter::workload_anti_affinity, away(Topology::region),
       "has a replica of app=db in its region r", "has a replica of app=db in its region r"},
  };
  const auto in_zone = [](const char* zone) {
    return [=](Node& n) {
      n.description.region = "r";
      n.description.zone = zone;
    };
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    for (const auto& [zone, words] : {std::pair{"a", c.same_zone}, {"b", c.other_zone}}) {
      Meeting meeting(in_zone("a"), c.spec);
      meeting.world.node("m", in_zone(zone)).workload("db", [](WorkloadSpec& s) {
        s.labels = {{"app", "db"}};
      });
      meeting.world.replica("db", SnapshotBuilder::running("m"));
      CHECK(meeting.lacks(c.filter) == words);
    }
  }
}

TEST_CASE("The first of a group that requires its own company may go anywhere, later ones only there") {
  const ChangeSpec together = [](WorkloadSpec& s) {
    s.labels = {{"app", "db"}};
    s.pod.placement.affinity = {{Topology::node, true, {{"app", "db"}}, {}, 1}};
    s.pod.placement.spread = Spread::none;
  };
  Meeting meeting({}, together);
  CHECK(meeting.lacks(Filter::workload_affinity) == "");
  meeting.world.node("m").replica("web", SnapshotBuilder::running("m"));
  CHECK(meeting.lacks(Filter::workload_affinity) == "has no replica of app=db");
  CHECK(meeting.lacks(Filter::workload_affinity, "m") == "");
}

TEST_CASE("A replica that must have a domain for itself keeps others out of it, though they would not mind") {
  Meeting meeting({}, [](WorkloadSpec& s) { s.labels = {{"noise", "loud"}}; });
  meeting.world.workload("shy", [](WorkloadSpec& s) {
    s.pod.placement.anti_affinity = {{Topology::zone, true, {{"noise", "loud"}}, {}, 1}};
  });
  meeting.world.replica("shy", SnapshotBuilder::running("n"));
  CHECK(meeting.lacks(Filter::workload_anti_affinity) ==
        "has a replica of shy in its zone \"\", which keeps this one away");
  meeting.world.change_replica(SnapshotBuilder::id("shy", 0), [](Replica& r) { r.stop = StopCause::scale; });
  CHECK(meeting.lacks(Filter::workload_anti_affinity) == "");
}

TEST_CASE("Hard spread counts only domains that have an eligible node") {
  const auto zone = [](const char* name, bool closed = false) {
    return [=](Node& n) {
      n.description.zone = name;
      n.cordoned = closed;
    };
  };
  Meeting meeting(zone("a"), placed([](Placement& p) {
                    p.spread = Spread::zone;
                    p.max_skew = 1;
                  }));
  meeting.world.node("m", zone("b")).replica("web", SnapshotBuilder::running("n"));
  CHECK(meeting.lacks(Filter::spread) == "has 1 of its replicas in its zone a, where fewest are 0");
  CHECK(meeting.lacks(Filter::spread, "m") == "");
  meeting.world.node("m", zone("b", true));
  CHECK(meeting.lacks(Filter::spread) == "");
}

TEST_CASE("Filters reject in their order, and every one has its words") {
  Meeting meeting(
      [](Node& n) {
        n.cordoned = true;
        n.taints = {{"k", "", TaintEffect::no_schedule}};
      },
      asks({5000, 1, 0, 0, 0, 0}));
  const auto found = meeting.obstacles();
  REQUIRE(found.size() == 3);
  CHECK(found[0].first == Filter::state);
  CHECK(found[1] == std::pair{Filter::taint, std::string("lacks a toleration for k:NO_SCHEDULE")});
  CHECK(found[2].first == Filter::cpu);
  for (std::size_t i = 0; i < kFilters; ++i) {
    CHECK(std::string(to_string(static_cast<Filter>(i))) != "");
    CHECK(in_words(static_cast<Filter>(i), true) != in_words(static_cast<Filter>(i), false));
  }
}
