#include "actors/runtime/containerd/port_rules.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

PortRules some_rules() {
  return {"cloudless-node-1", "cloudless0", *parse_subnet("10.87.0.0/16"), {}, false};
}

const std::vector<ForwardedPort> kPorts{{Protocol::tcp, 8080, *parse_ipv4("10.87.0.5"), 80},
                                        {Protocol::udp, 53, *parse_ipv4("10.87.0.6"), 5353},
                                        {Protocol::tcp, 30001, *parse_ipv4("10.87.0.6"), 80}};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t rules_in(const std::string& text) {
  std::size_t lines = 0;
  for (const char c : text) lines += c == '\n';
  return lines;
}

}  // namespace

TEST_CASE("a table replaces the one before it in one go") {
  const auto text = render_table(some_rules(), kPorts);
  CHECK(
      text.starts_with("add table ip cloudless-node-1\ndelete table ip cloudless-node-1\n"
                       "table ip cloudless-node-1 {\n"));
  CHECK(contains(text, "elements = { 8080 : 10.87.0.5 . 80, 30001 : 10.87.0.6 . 80 }"));
  CHECK(contains(text, "elements = { 53 : 10.87.0.6 . 5353 }"));
}

TEST_CASE("the number of rules does not grow with the number of ports") {
  std::vector<ForwardedPort> many;
  for (std::uint16_t i = 1; i <= 1000; ++i) many.push_back({Protocol::tcp, i, 1, i});
  CHECK(rules_in(render_table(some_rules(), many)) == rules_in(render_table(some_rules(), {many.front()})));
}

TEST_CASE("every part of the rules follows from the settings") {
  const struct {
    const char* name;
    void (*change)(PortRules&);
    std::vector<std::string> there;
    std::vector<std::string> absent;
    bool on_loopback;
  } cases[] = {
      {"as it comes",
       [](PortRules&) {},
       {"    ip daddr 127.0.0.0/8 return\n    fib daddr type local goto publish\n",
        "iifname \"cloudless0\" ip daddr 127.0.0.0/8 drop",
        "ip saddr 10.87.0.0/16 oifname != \"cloudless0\" masquerade",
        "ip saddr 10.87.0.0/16 oifname \"cloudless0\" ct status dnat masquerade",
        "iifname != \"cloudless0\" oifname \"cloudless0\" drop"},
       {},
       true},
      {"published on one address",
       [](PortRules& r) { r.publish_on = {*parse_ipv4("192.0.2.7")}; },
       {"ip daddr { 192.0.2.7 } goto publish"},
       {"fib daddr type local"},
       false},
      {"published on loopback and another",
       [](PortRules& r) {
         r.publish_on = {*parse_ipv4("127.0.0.1"), *parse_ipv4("192.0.2.7")};
       },
       {"ip daddr { 127.0.0.1, 192.0.2.7 } goto publish"},
       {"fib daddr type local"},
       true},
      {"replicas reached at their own addresses",
       [](PortRules& r) { r.direct_access = true; },
       {"chain forward"},
       {"oifname \"cloudless0\" drop", "ct state"},
       true},
      {"another bridge and range",
       [](PortRules& r) {
         r.bridge = "br-7";
         r.subnet = *parse_subnet("192.168.8.0/24");
       },
       {"ip saddr 192.168.8.0/24 oifname != \"br-7\" masquerade"},
       {"10.87", "cloudless0"},
       true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    auto rules = some_rules();
    c.change(rules);
    const auto text = render_table(rules, {});
    for (const auto& part : c.there) {
      CAPTURE(part);
      CHECK(contains(text, part));
    }
    for (const auto& part : c.absent) {
      CAPTURE(part);
      CHECK_FALSE(contains(text, part));
    }
    CHECK_FALSE(contains(text, "elements"));
    CHECK(publishes_on_loopback(rules) == c.on_loopback);
  }
}

TEST_CASE("a container's ports come and go as elements, both protocols in one transaction") {
  CHECK(render_addition(some_rules(), kPorts) ==
        "create element ip cloudless-node-1 tcp_ports { 8080 : 10.87.0.5 . 80, 30001 : 10.87.0.6 . 80 }\n"
        "create element ip cloudless-node-1 udp_ports { 53 : 10.87.0.6 . 5353 }\n");
  CHECK(render_removal(some_rules(), kPorts) ==
        "delete element ip cloudless-node-1 tcp_ports { 8080, 30001 }\n"
        "delete element ip cloudless-node-1 udp_ports { 53 }\n");
  CHECK(render_addition(some_rules(), {}).empty());
  CHECK(render_removal(some_rules(), {}).empty());
}

TEST_CASE("a name that no device can have is refused") {
  for (const char* good : {"a", "cloudless0", "br-1.x_y", "fifteen-letters"})
    CHECK(bridge_name_error(good).empty());
  for (const char* bad : {"", "sixteen-letters-", "a/b", "a b", ".", "..", "all", "a\"b", "a;b"}) {
    CAPTURE(bad);
    CHECK_FALSE(bridge_name_error(bad).empty());
  }
  CHECK(bridge_name_error("cloudless-bridge-0").find("1-15") != std::string::npos);
}

}  // namespace cloudless::runtime
