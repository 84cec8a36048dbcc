#include "services/cloudlessctl/top_view.hpp"

#include <doctest/doctest.h>

namespace cloudless::cli {
namespace {

api::ListUsageReply sample() {
  api::ListUsageReply out;
  const auto add = [&](const std::string& workload, std::uint64_t millicores, std::uint64_t memory) {
    auto& w = *out.add_workloads();
    w.set_namespace_("default");
    w.set_workload(workload);
    w.set_replicas(2);
    w.set_window_ms(5000);
    w.mutable_usage()->set_cpu_millicores(millicores);
    w.mutable_usage()->set_memory_bytes(memory);
    w.mutable_usage()->set_network_received_bps(2048);
    w.mutable_resources()->mutable_requests()->set_cpu_millicores(200);
    w.mutable_resources()->mutable_limits()->set_memory_bytes(128 << 20);
  };
  add("api", 150, 32 << 20);
  add("web", 1500, 16 << 20);
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '\n')
      out.emplace_back();
    else
      out.back() += c;
  }
  out.pop_back();
  return out;
}

bool has(const std::string& line, const std::string& part) {
  return line.find(part) != std::string::npos;
}

TEST_CASE("workloads show what they use, and how much of their limit, or else of what they reserve") {
  const auto lines = lines_of(top_workloads(sample(), false, TopOrder::name));
  REQUIRE(lines.size() == 3);
  for (const char* column :
       {"WORKLOAD", "RUNNING", "CPU", "CPU%", "MEMORY", "MEMORY%", "NET IN", "DISK WRITE"})
    CHECK(has(lines[0], column));
  CHECK(has(lines[1], "api"));
  for (const char* part : {"0.15", "75%", "32Mi", "25%", "2Ki/s"})
    CHECK_MESSAGE(has(lines[1], part), lines[1]);
  for (const char* part : {"1.5", "750%", "16Mi", "13%"}) CHECK_MESSAGE(has(lines[2], part), lines[2]);
  CHECK_FALSE(has(lines[0], "NAMESPACE"));
  CHECK(has(top_workloads(sample(), true, TopOrder::name), "NAMESPACE"));
}

TEST_CASE("the largest come first when asked for") {
  CHECK(has(lines_of(top_workloads(sample(), false, TopOrder::cpu))[1], "web"));
  CHECK(has(lines_of(top_workloads(sample(), false, TopOrder::memory))[1], "api"));
}

TEST_CASE("a replica that was seen once has no rates, and what is not bounded has no share") {
  api::ListUsageReply usage;
  auto& replica = *usage.add_replicas();
  replica.set_replica_id("web-00000000ab-0");
  replica.set_node_id("n1");
  replica.mutable_usage()->set_memory_bytes(1 << 20);
  const auto lines = lines_of(top_replicas(usage, false, TopOrder::name));
  REQUIRE(lines.size() == 2);
  CHECK(has(lines[1], "web-00000000ab-0"));
  CHECK(has(lines[1], "1Mi"));
  CHECK_FALSE(has(lines[1], "%"));
  CHECK_FALSE(has(lines[1], "/s"));
}

TEST_CASE("a node that does not answer is there with the reason") {
  api::ListUsageReply usage;
  auto& good = *usage.add_nodes();
  good.set_node_id("n1");
  good.set_replicas(3);
  good.mutable_usage()->set_cpu_millicores(500);
  good.mutable_allocatable()->set_cpu_millicores(2000);
  auto& bad = *usage.add_nodes();
  bad.set_node_id("n2");
  bad.set_error("node n2 is not connected");
  const auto lines = lines_of(top_nodes(usage, TopOrder::name));
  REQUIRE(lines.size() == 3);
  CHECK(has(lines[1], "25%"));
  CHECK(has(lines[2], "node n2 is not connected"));
}

}  // namespace
}  // namespace cloudless::cli
