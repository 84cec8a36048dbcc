#include "messages/codec/api_spec.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <algorithm>

#include "messages/codec/random_values.test.hpp"

namespace cloudless::codec {
namespace {

api::WorkloadSpec spec_of(const std::string& text) {
  api::WorkloadSpec out;
  REQUIRE_MESSAGE(google::protobuf::TextFormat::ParseFromString(text, &out), text);
  return out;
}

std::vector<std::string> bad_paths(const Result<WorkloadSpec>& result) {
  std::vector<std::string> out;
  if (!result) {
    for (const auto& violation : result.error().violations) out.push_back(violation.path);
  }
  return out;
}

/// A random probe is seldom one that the API takes: its numbers are replaced.
void make_valid(api::Probe& probe, RandomValues& random) {
  if (!probe.has_http()) probe.mutable_tcp()->set_port(1 + static_cast<std::uint32_t>(random.below(65535)));
  if (probe.has_http()) probe.mutable_http()->clear_headers();
  probe.set_initial_delay_ms(random.below(86'400'001));
  probe.set_period_ms(100 + random.below(3'599'901));
  probe.set_timeout_ms(10 + random.below(599'991));
  probe.set_success_threshold(1 + static_cast<std::uint32_t>(random.below(100)));
  probe.set_failure_threshold(1 + static_cast<std::uint32_t>(random.below(100)));
}

}  // namespace

TEST_CASE("an image alone is a spec, and every default is filled in") {
  const auto spec = parse_spec(spec_of(R"(image: "nginx")"));
  REQUIRE(spec.has_value());
  WorkloadSpec expected;
  expected.pod.image = "nginx";
  CHECK(*spec == expected);
  CHECK(spec->replicas == 1);
  CHECK(spec->pod.requests == Resources{100, 32 << 20, 0, 0, 0});
  CHECK(spec->rollout == RolloutPolicy{});
  CHECK(spec->pod.termination_grace == 30000);
  const auto printed = to_api(*spec);
  CHECK(printed.replicas() == 1);
  CHECK(printed.restart_policy().mode() == api::RestartPolicy::ALWAYS);
  CHECK(printed.rollout().progress_deadline_ms() == 600'000);
  CHECK(printed.image_pull_policy() == api::IMAGE_PULL_POLICY_IF_NOT_PRESENT);
}

TEST_CASE("every field that is carried out is taken over") {
  const auto spec = parse_spec(spec_of(R"(
    image: "reg:5000/a:b" command: "sh" command: "-c" args: "x" env { name: "A" value: "1" } env { name: "B" } working_dir: "/tmp"
    resources { requests { cpu_millicores: 250 memory_bytes: 1000 storage_bytes: 7 } limits { cpu_millicores: 500 storage_bytes: 8 } }
    replicas: 0 restart_policy { mode: ON_FAILURE max_retries: 3 backoff { initial_ms: 10 max_ms: 20 reset_after_ms: 0 } }
    rollout { strategy: RECREATE max_surge { absolute: 0 } max_unavailable { percent: 0 } min_available: 0 }
    ports { name: "http" container_port: 80 } ports { name: "dns" container_port: 80 protocol: UDP }
    image_pull_policy: IMAGE_PULL_POLICY_NEVER labels { key: "app" value: "web" } annotations { key: "any thing" value: "x y" }
    termination_grace_period_ms: 0)"));
  REQUIRE(spec.has_value());
  CHECK(spec->replicas == 0);
  CHECK(spec->pod.command == std::vector<std::string>{"sh", "-c"});
  CHECK(spec->pod.env == std::vector<EnvVar>{{"A", "1"}, {"B", ""}});
  CHECK(spec->limits.cpu_millicores == 500);
  CHECK_FALSE(spec->limits.memory_bytes.has_value());
  CHECK(spec->pod.requests.storage_bytes == 7);
  CHECK(spec->limits.storage_bytes == 8);
  CHECK(spec->pod.restart == RestartPolicy{RestartMode::on_failure, 3, {10, 20, 0}});
  CHECK(spec->rollout.strategy == RolloutStrategy::recreate);
  CHECK(spec->rollout.min_available == 0);
  CHECK(spec->pod.ports[1] == Port{"dns", 80, Protocol::udp});
  CHECK(spec->pod.termination_grace == 0);
}

TEST_CASE("what is wrong with a spec is said with the field's path") {
  const std::string image = R"(image: "nginx" )";
  const struct {
    std::string spec;
    std::vector<std::string> paths;
  } cases[] = {
      {"", {"spec.image"}},
      {R"(image: "no spaces allowed")", {"spec.image"}},
      {image + R"(command: "")", {"spec.command[0]"}},
      {image + R"(args: "a\000b")", {"spec.args[0]"}},
      {image +
           R"(env { name: "A" } env { name: "" } env { name: "1" } env { name: "A" } env { name: "B" value: "\000" })",
       {"spec.env[1].name", "spec.env[2].name", "spec.env[3].name", "spec.env[4].value"}},
      {image + R"(working_dir: "tmp")", {"spec.working_dir"}},
      {image + "replicas: 10001", {"spec.replicas"}},
      {image + "resources { requests { cpu_millicores: 1024001 memory_bytes: 1125899906842625 } }",
       {"spec.resources.requests.cpu_millicores", "spec.resources.requests.memory_bytes"}},
      {image + "resources { requests { memory_bytes: 100 } limits { memory_bytes: 50 } }",
       {"spec.resources.limits.memory_bytes"}},
      {image + "resources { limits { cpu_millicores: 50 } }", {"spec.resources.limits.cpu_millicores"}},
      {image + "resources { requests { cpu_millicores: 0 } limits { cpu_millicores: 0 } }",
       {"spec.resources.limits.cpu_millicores"}},
      {image + "restart_policy { mode: 9 }", {"spec.restart_policy.mode"}},
      {image + "restart_policy { backoff { initial_ms: 9 } }", {"spec.restart_policy.backoff.initial_ms"}},
      {image + "restart_policy { backoff { initial_ms: 70000 } }", {"spec.restart_policy.backoff.max_ms"}},
      {image + "restart_policy { backoff { reset_after_ms: 86400001 } }",
       {"spec.restart_policy.backoff.reset_after_ms"}},
      {image + "rollout { strategy: 8 }", {"spec.rollout.strategy"}},
      {image + "ports { container_port: 0 }", {"spec.ports[0].container_port"}},
      {image + "ports { container_port: 80 } ports { container_port: 81 }",
       {"spec.ports[0].name", "spec.ports[1].name"}},
      {image + R"(ports { name: "a" container_port: 70000 } ports { name: "a" container_port: 1 })",
       {"spec.ports[0].container_port", "spec.ports[1].name"}},
      {image + R"(ports { name: "a" container_port: 1 } ports { name: "b" container_port: 1 protocol: TCP })",
       {}},
      {image + R"(ports { name: "sixteen-letters-" container_port: 1 protocol: 7 })",
       {"spec.ports[0].name", "spec.ports[0].protocol"}},
      {image + "image_pull_policy: 77", {"spec.image_pull_policy"}},
      {image + R"(labels { key: "a b" value: "c" } labels { key: "c" value: "d e" })",
       {"spec.labels[a b]", "spec.labels[c]"}},
      {image + R"(annotations { key: "" value: "c" })", {"spec.annotations[]"}},
      {image + "termination_grace_period_ms: 3600001", {"spec.termination_grace_period_ms"}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.spec);
    const auto result = parse_spec(spec_of(c.spec));
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::invalid_argument);
    if (!c.paths.empty()) CHECK(bad_paths(result) == c.paths);
    for (const auto& violation : result.error().violations) CHECK_FALSE(violation.reason.empty());
  }
}

TEST_CASE("every wrong field is named at once") {
  const auto result = parse_spec(
      spec_of(R"(image: "no spaces" replicas: 20000 env { name: "A" } env { name: "A" } priority: 1003
    ports { container_port: 70000 } resources { requests { memory_bytes: 100 } limits { memory_bytes: 50 } })"));
  CHECK(bad_paths(result) == std::vector<std::string>{"spec.image", "spec.env[1].name",
                                                      "spec.resources.limits.memory_bytes", "spec.replicas",
                                                      "spec.ports[0].container_port", "spec.priority"});
  CHECK(result.error().message == "the workload's spec: 6 fields wrong");
}

TEST_CASE("lists over their bound are refused, and a flood of errors is cut short") {
  api::WorkloadSpec spec = spec_of(R"(image: "a")");
  for (int i = 0; i < 300; ++i) {
    spec.add_env()->set_name("bad name");
    spec.add_command("x");
    (*spec.mutable_labels())["k" + std::to_string(i)] = "";
  }
  const auto result = parse_spec(spec);
  const auto paths = bad_paths(result);
  CHECK(paths.size() == 100);
  CHECK(paths[0] == "spec.command");
  CHECK(paths[1] == "spec.env");
  CHECK(result.error().violations.back().reason.find("203 more fields") != std::string::npos);
}

TEST_CASE("fields that the schema has and this version does not carry out are refused by name") {
  const struct {
    const char* field;
    std::vector<std::string> paths;
  } cases[] = {
      {"exclusive: true", {"spec.exclusive"}},
      {"resources { limits { gpu_count: 3 } }", {"spec.resources.limits.gpu_count"}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.field);
    auto result = parse_spec(spec_of(std::string(R"(image: "a" )") + c.field));
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::unimplemented);
    auto paths = bad_paths(result);
    auto expected = c.paths;
    std::sort(paths.begin(), paths.end());
    std::sort(expected.begin(), expected.end());
    CHECK(paths == expected);
    result = parse_spec(spec_of(std::string(R"(image: "a" replicas: 20000 )") + c.field));
    CHECK(result.error().code == Errc::invalid_argument);
    paths = bad_paths(result);
    REQUIRE_FALSE(paths.empty());
    CHECK(paths.front() == "spec.replicas");
    CHECK(paths.size() == 1 + expected.size());
  }
  CHECK(parse_spec(spec_of(R"(image: "a" replicas: 64 all_or_nothing: true)"))->all_or_nothing);
  CHECK(bad_paths(parse_spec(spec_of(R"(image: "a" replicas: 65 all_or_nothing: true)"))) ==
        std::vector<std::string>{"spec.all_or_nothing"});
}

TEST_CASE("a field that is not in the schema is not ignored") {
  auto spec = spec_of(R"(image: "a" env { name: "A" })");
  spec.mutable_env(0)->GetReflection()->MutableUnknownFields(spec.mutable_env(0))->AddVarint(99, 1);
  const auto result = parse_spec(spec);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Errc::invalid_argument);
  CHECK(bad_paths(result) == std::vector<std::string>{"spec.env[0].#99"});
}

TEST_CASE("what a valid spec is printed as is parsed to the same spec") {
  int parsed = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    RandomValues random(seed);
    // A random message is damaged until it is a valid spec or given up; the valid ones must survive the round
    // trip.
    auto message = to_api(random.spec());
    message.mutable_resources()->clear_limits();
    message.mutable_resources()->clear_pids_limit();
    for (auto& port : *message.mutable_ports())
      if (message.host_network() && port.has_host_port()) port.set_host_port(port.container_port());
    message.clear_volumes();
    message.clear_config_files();
    // Generated names may repeat.
    if (message.image_pull_secrets_size() > 1) message.mutable_image_pull_secrets()->RemoveLast();
    for (auto* probe : {message.mutable_liveness(), message.mutable_readiness(), message.mutable_startup()})
      make_valid(*probe, random);
    message.clear_security_context();
    if (random.below(4) != 0) message.clear_placement();
    message.mutable_placement()->clear_tolerations();
    if (message.replicas() > kMaxGang) message.clear_all_or_nothing();
    auto& requests = *message.mutable_resources()->mutable_requests();
    requests.set_cpu_millicores(random.below(1'024'001));
    requests.set_storage_bytes(random.below(1ULL << 50));
    requests.set_bandwidth_bps(random.below(1'000'000'000'001));
    requests.set_gpu_count(random.below(65));
    if (requests.gpu_count() > 0)
      requests.clear_gpu_milli();
    else
      requests.set_gpu_milli(random.below(1001));
    message.mutable_restart_policy()->clear_backoff();
    message.set_termination_grace_period_ms(random.below(3'600'001));
    const auto first = parse_spec(message);
    if (!first) continue;
    ++parsed;
    const auto again = parse_spec(to_api(*first));
    REQUIRE(again.has_value());
    REQUIRE(*again == *first);
  }
  CHECK(parsed > 100);
}

}  // namespace cloudless::codec
