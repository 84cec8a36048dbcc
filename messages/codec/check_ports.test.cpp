#include "messages/codec/check_ports.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include "messages/codec/api_spec.hpp"

namespace cloudless::codec {
namespace {

TEST_CASE("what is wrong with a port is said with its path") {
  const struct {
    const char* ports;
    std::vector<std::string> paths;
  } cases[] = {
      {"ports { container_port: 80 host_port: 65536 }", {"spec.ports[0].host_port"}},
      {"ports { container_port: 80 host_port: 4294967295 }", {"spec.ports[0].host_port"}},
      {"ports { container_port: 0 host_port: 80 }", {"spec.ports[0].container_port"}},
      {R"(ports { name: "a" container_port: 80 host_port: 80 } ports { name: "b" container_port: 81 host_port: 80 })",
       {"spec.ports[1].host_port"}},
      {R"(ports { name: "a" container_port: 80 host_port: 80 }
          ports { name: "b" container_port: 81 host_port: 80 protocol: TCP }
          ports { name: "c" container_port: 82 host_port: 80 protocol: UDP })",
       {"spec.ports[1].host_port"}},
      {"host_network: true ports { container_port: 80 host_port: 81 }", {"spec.ports[0].host_port"}},
      {"host_network: true ports { container_port: 80 host_port: 0 }", {"spec.ports[0].host_port"}},
      {R"(ports { name: "Big" container_port: 80 })", {"spec.ports[0].name"}},
      {R"(ports { name: "a" container_port: 80 } ports { name: "a" container_port: 81 })",
       {"spec.ports[1].name"}},
      {"ports { container_port: 80 protocol: 9 }", {"spec.ports[0].protocol"}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.ports);
    api::WorkloadSpec spec;
    REQUIRE(google::protobuf::TextFormat::ParseFromString(c.ports, &spec));
    Violations violations;
    check_ports(spec, "spec.ports", violations);
    const auto error = violations.error("the spec");
    REQUIRE(error.has_value());
    CHECK(error->code == Errc::invalid_argument);
    std::vector<std::string> paths;
    for (const auto& violation : error->violations) paths.push_back(violation.path);
    CHECK(paths == c.paths);
  }
}

TEST_CASE("published ports are taken over: a number, one that the node chooses, or none") {
  api::WorkloadSpec spec;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(R"(image: "a"
      ports { name: "web" container_port: 80 host_port: 8080 }
      ports { name: "dns" container_port: 53 protocol: UDP host_port: 8080 }
      ports { name: "any" container_port: 81 host_port: 0 }
      ports { name: "too" container_port: 82 host_port: 0 }
      ports { name: "own" container_port: 83 })",
                                                        &spec));
  const auto parsed = parse_spec(spec);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().message));
  const auto& ports = parsed->pod.ports;
  CHECK(ports[0].host_port == 8080);
  CHECK(ports[1].host_port == 8080);
  CHECK(ports[2].host_port == 0);
  CHECK(ports[3].host_port == 0);
  CHECK_FALSE(ports[4].host_port.has_value());
  CHECK(parse_spec(to_api(*parsed)) == parsed);
}

}  // namespace
}  // namespace cloudless::codec
