#include "actors/runtime/containerd/cni_config.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

using nlohmann::json;

const std::string kList = R"({"cniVersion": "0.4.0", "name": "net", "plugins": [
    {"type": "bridge", "ipam": {"type": "host-local"}},
    {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}]})";

}  // namespace

TEST_CASE("a list of plugins is read, and a single plugin is a list of one") {
  const auto list = parse_cni_network(kList, "10-net.conflist");
  REQUIRE(list.has_value());
  CHECK(list->name == "net");
  CHECK(list->plugins.size() == 2);
  CHECK(list->maps_ports());
  CHECK(list->can_check());
  const auto one = parse_cni_network(R"({"cniVersion": "0.3.1", "name": "n", "type": "ptp"})", "x.conf");
  REQUIRE(one.has_value());
  CHECK(one->plugins.size() == 1);
  CHECK_FALSE(one->maps_ports());
  CHECK_FALSE(one->can_check());
}

TEST_CASE("a configuration that cannot work is refused with the file's name") {
  for (const char* bad :
       {"", "{", "[]", "3", "{}", R"({"cniVersion": "0.4.0", "plugins": [{"type": "a"}]})",
        R"({"cniVersion": "0.2.0", "name": "n", "type": "a"})", R"({"name": "n", "type": "a"})",
        R"({"cniVersion": "1.0.0", "name": "n", "plugins": []})",
        R"({"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "../sh"}]})",
        R"({"cniVersion": "1.0.0", "name": "n", "plugins": ["a"]})",
        R"({"cniVersion": 1, "name": "n", "type": "a"})"}) {
    CAPTURE(bad);
    const auto refused = parse_cni_network(bad, "10-net.conflist");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::invalid_argument);
    CHECK(refused.error().message.find("10-net.conflist") != std::string::npos);
  }
}

TEST_CASE("the first file in order counts") {
  CHECK(choose_cni_file({"b.conflist", "a.conf", "0.txt", "README"}) == "a.conf");
  CHECK(choose_cni_file({"a.json"}) == "a.json");
  CHECK_FALSE(choose_cni_file({"a.conf~"}).has_value());
}

TEST_CASE("a plugin is told the network, the result before it, and the ports if it publishes them") {
  const auto network = *parse_cni_network(kList, "f");
  const json result{{"ips", {{{"address", "10.1.2.3/24"}}}}};
  const std::vector<PublishedPort> ports{{"http", Protocol::tcp, 80, 8080}, {"dns", Protocol::udp, 53, 53}};
  const auto first = json::parse(plugin_input(network, 0, nullptr, ports));
  CHECK(first["name"] == "net");
  CHECK(first["cniVersion"] == "0.4.0");
  CHECK(first["type"] == "bridge");
  CHECK_FALSE(first.contains("prevResult"));
  CHECK_FALSE(first.contains("runtimeConfig"));
  const auto second = json::parse(plugin_input(network, 1, result, ports));
  CHECK(second["prevResult"] == result);
  CHECK(second["runtimeConfig"]["portMappings"] ==
        json::parse(R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
                        {"hostPort": 53, "containerPort": 53, "protocol": "udp"}])"));
}

TEST_CASE("the address is the first one of IPv4") {
  const auto parsed =
      parse_cni_result(json::parse(R"({"ips": [{"address": "fd00::2/64"}, {"address": "10.1.2.3/24"},
      {"address": "10.1.2.4/24"}], "dns": {"nameservers": ["10.1.2.1"], "search": ["a.example"]}})"));
  REQUIRE(parsed.has_value());
  CHECK(parsed->address == "10.1.2.3");
  CHECK(parsed->dns == Resolver{{"10.1.2.1"}, {"a.example"}, {}});
  for (const char* bad :
       {"null", "{}", R"({"ips": []})", R"({"ips": [3]})", R"({"ips": [{"address": "fd00::2/64"}]})"})
    CHECK(parse_cni_result(json::parse(bad)).error().code == Errc::failed_precondition);
}

TEST_CASE("a plugin's complaint is passed on in words") {
  CHECK(cni_error_text(R"({"code": 11, "msg": "try again", "details": "busy"})") == "try again: busy");
  CHECK(cni_error_text(R"({"code": 7, "msg": "bad"})") == "bad");
  CHECK(cni_error_text("panic: at the disco\n") == "panic: at the disco");
  CHECK(cni_error_text("") == "it said nothing");
  CHECK(cni_error_text(std::string(10000, 'x')).size() == 500);
}

}  // namespace cloudless::runtime
