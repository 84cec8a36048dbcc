#include "services/agent/agent_settings.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
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

TEST_CASE("a node says what workloads may do there and which of its runtime classes have their program") {
  AgentSettings values;
  values.node_name = "node-1";
  values.state_dir = "/";
  CHECK(describe_node(values, "uid", "").policy == NodePolicy{});
  values.policy.host_paths = {{"/srv", "read_only"}, {"/srv/data", "read_write"}};
  values.policy.allow_privileged = true;
  values.policy.allow_host_ipc = true;
  values.policy.runtimes = {{"absent", "/no/such/program"}, {"shell", "/bin/sh"}, {"named", "sh"}};
  values.capacity.cpu_overcommit_percent = 200;
  values.capacity.memory_overcommit_percent = 150;
  values.capacity.memory_bytes = 1000;
  values.reserved_memory_bytes = 0;
  const NodeDescription node = describe_node(values, "uid", "");
  CHECK(node.policy == NodePolicy{{{"/srv", false}, {"/srv/data", true}}, false, true, false, true});
  CHECK(node.runtime_classes == std::vector<std::string>{"named", "shell"});
  CHECK(node.cpu_overcommit_percent == 200);
  CHECK(node.memory_overcommit_percent == 150);
  CHECK(node.allocatable.memory_bytes == 1000);
  CHECK(node.reservable().memory_bytes == 1500);
}

TEST_CASE("the GPUs of a node are those whose device nodes its settings name") {
  AgentSettings values;
  values.node_name = "node-1";
  values.gpu_devices = {"/dev/null", "/dev/zero  /dev/full"};
  values.gpus.common = {"/dev/random"};
  REQUIRE(complete(values));
  CHECK(values.gpus.each == std::vector<std::vector<std::string>>{{"/dev/null"}, {"/dev/zero", "/dev/full"}});
  values.state_dir = "/";
  CHECK(describe_node(values, "uid", "").capacity.gpu_count == 2);
  CHECK(describe_node(values, "uid", "").allocatable.gpu_count == 2);

  const struct {
    std::vector<std::string> devices, common;
    const char* says;
  } wrong[] = {
      {{"/dev/no-such-gpu"}, {}, "gpus.devices: /dev/no-such-gpu: No such file"},
      {{"/dev"}, {}, "gpus.devices: /dev is not a character device"},
      {{"/dev/null", "/dev/null"}, {}, "gpus.devices: /dev/null is named twice"},
      {{"/dev/null"}, {"/dev/null"}, "gpus.common: /dev/null is named twice"},
      {{"null"}, {}, "gpus.devices: \"null\" is not an absolute path"},
      {{" "}, {}, "gpus.devices: a GPU without a device node"},
      {{"/dev/null"}, {"/dev/absent"}, "gpus.common: /dev/absent: No such file"},
      {std::vector<std::string>(65, "/dev/null"), {}, "gpus.devices: names 65 GPUs; at most 64"},
  };
  for (const auto& c : wrong) {
    CAPTURE(c.says);
    values.gpu_devices = c.devices;
    values.gpus.common = c.common;
    const auto checked = complete(values);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().message.find(c.says) != std::string::npos);
  }
}

TEST_CASE("over-commit outside of 100 to 1000 per cent is refused with the setting's name") {
  for (const std::string name : {"cpu", "memory"})
    for (const char* bad : {"99", "1001", "-5", "much"}) {
      CAPTURE(name);
      CAPTURE(bad);
      AgentSettings values;
      settings::Settings form({"cloudless-agent", "", "", ""});
      register_fields(form, values);
      const std::string flag = "--capacity-" + name + "-overcommit-percent=" + bad;
      const char* words[] = {"cloudless-agent", flag.c_str()};
      const auto loaded = form.load(2, words, [](const std::string&) { return std::nullopt; });
      REQUIRE_FALSE(loaded);
      CHECK(loaded.error().message.find(name + "-overcommit-percent") != std::string::npos);
    }
}

TEST_CASE("containers may use what replicas may reserve together, but never what the machine keeps back") {
  AgentSettings values;
  values.state_dir = "/";
  const Resources machine = detect_capacity(values.state_dir);
  values.reserved_memory_bytes = 1 << 20;
  const std::int64_t kept = machine.memory_bytes - values.reserved_memory_bytes;
  values.capacity.memory_overcommit_percent = 300;
  CHECK(container_bounds(values).memory_bytes == kept);
  values.capacity.memory_bytes = 11 << 20;
  CHECK(container_bounds(values).memory_bytes == 30 << 20);
  values.capacity.memory_overcommit_percent = 100;
  CHECK(container_bounds(values).memory_bytes == 10 << 20);
  values.capacity.memory_bytes = 2 * machine.memory_bytes;  // the operator's word
  CHECK(container_bounds(values).memory_bytes == 2 * machine.memory_bytes - values.reserved_memory_bytes);
  values.capacity.cpu_millicores = 1000;
  values.reserved_cpu_millicores = 0;
  values.capacity.cpu_overcommit_percent = 1000;
  CHECK(container_bounds(values).cpu_millicores == std::min<std::int64_t>(10000, machine.cpu_millicores));
}

TEST_CASE("a machine's architecture has the name that OCI images use") {
  CHECK(oci_architecture("x86_64") == "amd64");
  CHECK(oci_architecture("aarch64") == "arm64");
  CHECK(oci_architecture("riscv64") == "riscv64");
}

}  // namespace cloudless::agent
