#include "messages/codec/check_probes.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <algorithm>

#include "messages/codec/api_spec.hpp"

namespace cloudless::codec {
namespace {

api::WorkloadSpec spec_with(const std::string& probes) {
  api::WorkloadSpec spec;
  REQUIRE(google::protobuf::TextFormat::ParseFromString("image: 'a' " + probes, &spec));
  return spec;
}

}  // namespace

TEST_CASE("what is wrong with a probe is said with the field's path") {
  const std::string tcp = "liveness { tcp { port: 1 } ";
  const struct {
    std::string probes;
    std::vector<std::string> paths;
  } cases[] = {
      {"liveness {} readiness {} startup {}", {"spec.liveness", "spec.readiness", "spec.startup"}},
      {"startup { exec {} }", {"spec.startup.exec.command"}},
      {R"(startup { exec { command: "" } })", {"spec.startup.exec.command[0]"}},
      {R"(startup { exec { command: "a" command: "b\000" } })", {"spec.startup.exec.command[1]"}},
      {"startup { exec { command: 'a' command: '" + std::string(4097, 'x') + "' } }",
       {"spec.startup.exec.command[1]"}},
      {"readiness { http {} }", {"spec.readiness.http.port"}},
      {"readiness { http { port: 65536 scheme: 'ftp' path: 'x' } }",
       {"spec.readiness.http.scheme", "spec.readiness.http.port", "spec.readiness.http.path"}},
      {"readiness { http { port: 1 path: '/a b' } }", {"spec.readiness.http.path"}},
      {"readiness { http { port: 1 path: '/a\\r\\nHost: x' } }", {"spec.readiness.http.path"}},
      {"readiness { http { port: 1 path: '/a#b' } }", {"spec.readiness.http.path"}},
      {"readiness { http { port: 1 path: '/\xc3\xa4' } }", {"spec.readiness.http.path"}},
      {"readiness { http { port: 1 path: '/" + std::string(2048, 'x') + "' } }",
       {"spec.readiness.http.path"}},
      {"readiness { http { port: 1 headers { key: '' value: 'a' } } }", {"spec.readiness.http.headers[]"}},
      {"readiness { http { port: 1 headers { key: 'A:b' value: 'a' } } }",
       {"spec.readiness.http.headers[A:b]"}},
      {"readiness { http { port: 1 headers { key: 'A' value: 'a\\r\\nB: c' } } }",
       {"spec.readiness.http.headers[A]"}},
      {"readiness { http { port: 1 headers { key: 'A' value: '" + std::string(4097, 'x') + "' } } }",
       {"spec.readiness.http.headers[A]"}},
      {"readiness { http { port: 1 headers { key: 'a' value: '1' } headers { key: 'A' value: '2' } } }",
       {"spec.readiness.http.headers[a]"}},
      {"readiness { http { port: 1 headers { key: 'transfer-Encoding' value: 'chunked' } } }",
       {"spec.readiness.http.headers[transfer-Encoding]"}},
      {"liveness { tcp {} }", {"spec.liveness.tcp.port"}},
      {"liveness { tcp { port: 65536 } }", {"spec.liveness.tcp.port"}},
      {"liveness { grpc { service: 'a' } }", {"spec.liveness.grpc.port"}},
      {"liveness { grpc { port: 1 service: '" + std::string(257, 'x') + "' } }",
       {"spec.liveness.grpc.service"}},
      {tcp + "initial_delay_ms: 86400001 }", {"spec.liveness.initial_delay_ms"}},
      {tcp + "period_ms: 99 }", {"spec.liveness.period_ms"}},
      {tcp + "period_ms: 3600001 }", {"spec.liveness.period_ms"}},
      {tcp + "timeout_ms: 9 }", {"spec.liveness.timeout_ms"}},
      {tcp + "timeout_ms: 600001 }", {"spec.liveness.timeout_ms"}},
      {tcp + "success_threshold: 0 failure_threshold: 0 }",
       {"spec.liveness.success_threshold", "spec.liveness.failure_threshold"}},
      {tcp + "success_threshold: 101 failure_threshold: 101 }",
       {"spec.liveness.success_threshold", "spec.liveness.failure_threshold"}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.probes.substr(0, 120));
    const auto result = parse_spec(spec_with(c.probes));
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::invalid_argument);
    std::vector<std::string> paths;
    for (const auto& violation : result.error().violations) paths.push_back(violation.path);
    CHECK(paths == c.paths);
  }
}

TEST_CASE("too many words and headers are refused") {
  auto spec = spec_with("startup { exec {} } readiness { http { port: 1 } }");
  for (int i = 0; i < 257; ++i) spec.mutable_startup()->mutable_exec()->add_command("x");
  for (int i = 0; i < 33; ++i)
    (*spec.mutable_readiness()->mutable_http()->mutable_headers())["h" + std::to_string(i)] = "";
  const auto result = parse_spec(spec);
  REQUIRE_FALSE(result.has_value());
  REQUIRE(result.error().violations.size() == 2);
  CHECK(result.error().violations[0].path == "spec.readiness.http.headers");
  CHECK(result.error().violations[1].path == "spec.startup.exec.command");
}

TEST_CASE("probes are read with their defaults and with everything set") {
  const auto spec = parse_spec(spec_with(
      "liveness { tcp { port: 80 } } startup { exec { command: '/bin/true' command: '' } } "
      "readiness { http { scheme: 'https' port: 65535 path: '/r?a=b' headers { key: 'Host' value: 'x y' } } "
      "initial_delay_ms: 86400000 period_ms: 100 timeout_ms: 10 success_threshold: 100 "
      "failure_threshold: 1 }"));
  REQUIRE(spec.has_value());
  CHECK(*spec->pod.liveness == Probe{TcpCheck{80}, 0, 10000, 1000, 1, 3});
  CHECK(*spec->pod.startup == Probe{ExecCheck{{"/bin/true", ""}}, 0, 10000, 1000, 1, 3});
  CHECK(*spec->pod.readiness ==
        Probe{HttpCheck{true, 65535, "/r?a=b", {{"Host", "x y"}}}, 86'400'000, 100, 10, 100, 1});
}

}  // namespace cloudless::codec
