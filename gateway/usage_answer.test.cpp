#include "gateway/usage_answer.hpp"

#include <doctest/doctest.h>

using namespace cloudless;
using namespace cloudless::gateway;

namespace {

Snapshot cluster() {
  Snapshot s;
  const auto add_workload = [&](const std::string& uid, const std::string& ns, const std::string& name) {
    Workload w;
    w.uid = WorkloadUid{uid};
    w.ns = ns;
    w.name = name;
    w.spec.limits.memory_bytes = 64 << 20;
    Version v;
    v.workload = w.uid;
    v.pod.requests.cpu_millicores = 250;
    s.apply(put(std::make_shared<const Workload>(w)));
    s.apply(put(std::make_shared<const Version>(v)));
  };
  const auto add_replica = [&](const std::string& uid, const std::string& name, std::uint64_t ordinal,
                               const std::string& node, Phase phase) {
    Replica r;
    r.workload = WorkloadUid{uid};
    r.ordinal = ordinal;
    r.id = replica_id(name, r.workload, ordinal);
    r.node = NodeId{node};
    r.phase = phase;
    s.apply(put(std::make_shared<const Replica>(r)));
  };
  for (const char* id : {"n1", "n2", "n3"}) {
    Node node;
    node.description.id = NodeId{id};
    node.description.allocatable.cpu_millicores = 2000;
    s.apply(put(std::make_shared<const Node>(node)));
  }
  add_workload("00000000ab", "default", "web");
  add_workload("00000000cd", "team", "api");
  add_replica("00000000ab", "web", 0, "n1", Phase::running);
  add_replica("00000000ab", "web", 1, "n2", Phase::running);
  add_replica("00000000ab", "web", 2, "n3", Phase::stopped);
  add_replica("00000000cd", "api", 0, "n1", Phase::running);
  return s;
}

ReplicaUsage usage(const std::string& replica, std::uint64_t millicores) {
  ReplicaUsage out;
  out.now = {ContainerId{replica + "-1"}, ReplicaId{replica}, {}, 1 << 20, 2};
  out.rate.cpu_millicores = millicores;
  out.window = 5000;
  return out;
}

std::map<NodeId, Result<NodeUsage>> all_said() {
  std::map<NodeId, Result<NodeUsage>> said;
  said.emplace(
      NodeId{"n1"},
      NodeUsage{NodeId{"n1"}, 1500, {usage("api-00000000cd-0", 100), usage("web-00000000ab-0", 50)}});
  said.emplace(NodeId{"n2"}, fail(Errc::unavailable, "node n2 is not connected"));
  said.emplace(NodeId{"n3"}, NodeUsage{NodeId{"n3"}, 1600, {usage("old-00000000ee-0", 7)}});
  return said;
}

std::set<std::string> nodes(const UsageSelection& selection) {
  const auto found = usage_nodes(cluster(), selection);
  REQUIRE(found.has_value());
  std::set<std::string> out;
  for (const auto& node : *found) out.insert(node.value);
  return out;
}

}  // namespace

TEST_CASE("only nodes are asked that can know") {
  using Names = std::set<std::string>;
  CHECK(nodes({}) == Names{"n1", "n2", "n3"});
  CHECK(nodes({"", "", NodeId{"n3"}}) == Names{"n3"});
  CHECK(nodes({"default", "web", {}}) == Names{"n1", "n2"});
  CHECK(nodes({"default", "web", NodeId{"n2"}}) == Names{"n2"});
  CHECK(nodes({"team", "", {}}) == Names{"n1"});
  CHECK(nodes({"empty", "", {}}).empty());
  CHECK(usage_nodes(cluster(), {"default", "api", {}}).error().code == Errc::not_found);
  CHECK(usage_nodes(cluster(), {"", "", NodeId{"n9"}}).error().code == Errc::not_found);
}

TEST_CASE("replicas come with what they may use, nodes with their sums, and a silent node with the reason") {
  api::ListUsageReply reply;
  answer_usage(cluster(), {}, all_said(), reply);
  REQUIRE(reply.replicas_size() == 2);
  CHECK(reply.replicas(0).replica_id() == "web-00000000ab-0");
  CHECK(reply.replicas(0).workload() == "web");
  CHECK(reply.replicas(0).node_id() == "n1");
  CHECK(reply.replicas(0).usage().cpu_millicores() == 50);
  CHECK(reply.replicas(0).window_ms() == 5000);
  CHECK(reply.replicas(0).sampled_at().seconds() == 1);
  CHECK(reply.replicas(0).resources().requests().cpu_millicores() == 250);
  CHECK(reply.replicas(0).resources().limits().memory_bytes() == 64 << 20);
  CHECK(reply.replicas(0).resources().pids_limit() == 4096);
  CHECK(reply.replicas(1).namespace_() == "team");
  REQUIRE(reply.workloads_size() == 2);
  CHECK(reply.workloads(0).workload() == "web");
  CHECK(reply.workloads(0).replicas() == 1);
  CHECK(reply.workloads(0).usage().cpu_millicores() == 50);
  CHECK(reply.workloads(0).resources().requests().cpu_millicores() == 250);
  CHECK(reply.workloads(0).resources().limits().memory_bytes() == 64 << 20);
  CHECK_FALSE(reply.workloads(0).resources().limits().has_cpu_millicores());
  CHECK(reply.workloads(0).window_ms() == 5000);
  REQUIRE(reply.nodes_size() == 3);
  CHECK(reply.nodes(0).usage().cpu_millicores() == 150);
  CHECK(reply.nodes(0).replicas() == 2);
  CHECK(reply.nodes(0).reserved().cpu_millicores() == 500);
  CHECK(reply.nodes(0).allocatable().cpu_millicores() == 2000);
  CHECK(reply.nodes(1).error() == "node n2 is not connected");
  CHECK_FALSE(reply.nodes(1).has_usage());
  CHECK(reply.nodes(2).usage().cpu_millicores() == 7);  // what runs there, also when nobody wants it any more
}

TEST_CASE("a selection leaves out other workloads' replicas") {
  api::ListUsageReply reply;
  answer_usage(cluster(), {"team", "", {}}, all_said(), reply);
  REQUIRE(reply.replicas_size() == 1);
  CHECK(reply.replicas(0).replica_id() == "api-00000000cd-0");
}
