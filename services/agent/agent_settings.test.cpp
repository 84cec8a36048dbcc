#include "services/agent/agent_settings.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>

#include "services/agent/machine.hpp"

namespace cloudless::agent {

TEST_CASE("taints are written as key=value:EFFECT") {
  CHECK(parse_taint("gpu=yes:NO_SCHEDULE") == Taint{"gpu", "yes", TaintEffect::no_schedule});
  CHECK(parse_taint("spot:PREFER_NO_SCHEDULE") == Taint{"spot", "", TaintEffect::prefer_no_schedule});
  CHECK(parse_taint("a=b:NO_EXECUTE") == Taint{"a", "b", TaintEffect::no_execute});
  for (const char* bad : {"", "gpu", "gpu=yes", "gpu=yes:NEVER", ":NO_SCHEDULE", "a b=c:NO_SCHEDULE"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_taint(bad));
  }
}

TEST_CASE("what is not set follows from the node's name, and paths become absolute") {
  AgentSettings values;
  values.node_name = "node-7";
  values.state_dir = "state";
  REQUIRE(complete(values));
  CHECK(values.containerd_namespace == "cloudless-node-7");
  CHECK(values.runtime_dir == "/run/cloudless/cloudless-node-7");
  CHECK(std::filesystem::path(values.state_dir).is_absolute());
}

TEST_CASE("the network's mode is what the settings say, with absolute folders") {
  AgentSettings values;
  values.node_name = "node-7";
  REQUIRE(complete(values));
  CHECK(values.network.mode == runtime::NetworkMode::bridge);
  values.network_mode = "cni";
  values.network.conf_dir = "conf";
  REQUIRE(complete(values));
  CHECK(values.network.mode == runtime::NetworkMode::cni);
  CHECK(std::filesystem::path(values.network.conf_dir).is_absolute());
}

TEST_CASE("everything that is wrong is named at once") {
  AgentSettings values;
  values.node_name = "Node_7";
  values.taints = {"nonsense"};
  values.labels = {{"a b", "c"}};
  values.policy.runtimes = {{"Kata", ""}};
  values.policy.allowed_sysctls = {"vm.*"};
  values.grpc = {"0.0.0.0", 9092};
  values.bridge = "cloudless-bridge-0";
  values.cgroup_parent = "/a/../b";
  const auto checked = complete(values);
  REQUIRE_FALSE(checked);
  for (const char* part : {"node.name", "node.taints", "node.labels", "cgroup_parent", "grpc.address",
                           "bridge: ", "policy.runtimes: \"Kata", "policy.allowed_sysctls: \"vm.*"})
    CHECK(checked.error().message.find(part) != std::string::npos);
}

TEST_CASE("a machine keeps its id, and offers what it has less what is reserved") {
  char name[] = "/tmp/cloudless-machine.XXXXXX";
  AgentSettings values;
  values.state_dir = ::mkdtemp(name);
  values.node_name = "node-1";
  values.capacity.memory_bytes = 1000;
  values.reserved_memory_bytes = 300;
  values.capacity.cpu_millicores = 50;
  values.reserved_cpu_millicores = 100;
  const auto uid = load_machine_uid(values.state_dir);
  REQUIRE(uid);
  CHECK(uid->size() == 32);
  CHECK(load_machine_uid(values.state_dir) == uid);
  const NodeDescription node = describe_node(values, *uid, "127.0.0.1:9092");
  CHECK(node.allocatable.memory_bytes == 700);
  CHECK(node.allocatable.cpu_millicores == 0);
  CHECK(node.capacity.storage_bytes > 0);
  CHECK_FALSE(node.architecture.empty());
  std::filesystem::remove_all(values.state_dir);
}

TEST_CASE("a machine's architecture has the name that OCI images use") {
  CHECK(oci_architecture("x86_64") == "amd64");
  CHECK(oci_architecture("aarch64") == "arm64");
  CHECK(oci_architecture("riscv64") == "riscv64");
}

}  // namespace cloudless::agent
