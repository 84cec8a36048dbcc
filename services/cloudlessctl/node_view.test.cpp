#include "services/cloudlessctl/node_view.hpp"

#include <doctest/doctest.h>

namespace cloudless::cli {
namespace {

void check_lines(const api::Node& node, const std::vector<std::string>& lines) {
  const auto text = node_description(node, 70'000);
  CAPTURE(text);
  for (const auto& line : lines) CHECK_MESSAGE(text.find(line + "\n") != std::string::npos, line);
}

TEST_CASE("a node is described with what decides on placement") {
  api::Node node;
  node.set_id("n1");
  node.set_state(api::Node::READY);
  node.set_cordoned(true);
  node.set_region("eu");
  node.set_zone("a");
  (*node.mutable_labels())["disk"] = "ssd";
  auto& taint = *node.add_taints();
  taint.set_key("gpu");
  taint.set_effect(api::TAINT_EFFECT_NO_SCHEDULE);
  node.mutable_allocatable()->set_cpu_millicores(4000);
  node.mutable_allocatable()->set_memory_bytes(3ULL << 30);
  node.mutable_allocatable()->set_gpu_count(2);
  node.mutable_reserved()->set_cpu_millicores(1500);
  node.mutable_reserved()->set_gpu_count(1);
  node.mutable_reserved()->set_gpu_milli(300);
  node.set_cpu_overcommit_percent(150);
  node.set_memory_overcommit_percent(100);
  node.add_runtime_classes("crun");
  node.add_runtime_classes("runc");
  auto& policy = *node.mutable_policy();
  policy.set_privileged(true);
  policy.add_host_paths()->set_path("/srv");
  node.set_link_rtt_ms(40);
  node.set_recent_losses(1);
  node.mutable_registered_at()->set_seconds(10);
  check_lines(node, {"Name:          n1", "State:         READY, cordoned", "Zone:          eu/a",
                     "Labels:        disk=ssd", "Taints:        gpu:NO_SCHEDULE",
                     "CPU:           1.5 reserved of 6 (150 % of what is allocatable)",
                     "Memory:        0 reserved of 3Gi", "GPUs:          1 and 300 thousandths reserved of 2",
                     "Runtimes:      crun, runc", "Allows:        privileged, /srv (read-only)",
                     "Round trip:    40 ms", "Lost of late:  1 time"});
}

TEST_CASE("what an older agent or server does not say is not made up") {
  api::Node node;
  node.mutable_allocatable()->set_cpu_millicores(1000);
  check_lines(node, {"CPU:           0 reserved of 1", "Allows:        not said (its agent is older)",
                     "Runtimes:      -", "Round trip:    not known, or below 1 ms", "Labels:        -"});
  node.mutable_policy();
  check_lines(node, {"Allows:        nothing beyond its own container"});
}

}  // namespace
}  // namespace cloudless::cli
