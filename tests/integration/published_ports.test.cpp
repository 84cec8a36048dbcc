// Published ports on a machine of the test's own: who reaches a replica through the node, and who must not.
#include <doctest/doctest.h>

#include <filesystem>
#include <sstream>

#include "actors/runtime/containerd/subnet.hpp"
#include "tests/integration/machines.test.hpp"
#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;

const char* kSleep = "exec sleep 1000";

Port port(std::uint16_t inside, std::optional<std::uint16_t> outside, Protocol protocol = Protocol::tcp) {
  return {"p" + std::to_string(inside), inside, protocol, outside};
}

/// A container that does nothing, with these ports; its services are made in its namespace.
Result<StartedContainer> start_with(RuntimeNode& node, const std::string& name, std::vector<Port> ports) {
  auto request = node.request(name, {"/bin/sh", "-c", kSleep});
  request.assignment.pod.ports = std::move(ports);
  return node.start(request);
}

std::string gateway_of(const RuntimeNode& node) {
  return to_string(parse_subnet(node.options.subnet)->gateway());
}

std::string rule_set() {
  return run({"nft", "--stateless", "list", "ruleset"}).output;
}

/// Names of all devices.
std::string devices() {
  std::istringstream lines(run({"ip", "-brief", "link", "show"}).output);
  std::string out;
  for (std::string line; std::getline(lines, line);) out += line.substr(0, line.find_first_of(" @")) + "\n";
  return out;
}

TEST_CASE("a published port is reached from loopback, the node's addresses, other machines and replicas") {
  RuntimeNode node("ports");
  const OtherMachine far(1);
  const Place here;
  for (const auto protocol : {Protocol::tcp, Protocol::udp}) {
    CAPTURE(static_cast<int>(protocol));
    const auto web = start_with(node, "web", {port(8080, 18080, protocol)});
    REQUIRE_OK(web);
    CHECK(web->published_ports == std::vector<PublishedPort>{{"p8080", protocol, 8080, 18080}});
    const auto other = start_with(node, "other", {});
    REQUIRE_OK(other);
    const Place in_web(web->pid), in_other(other->pid);
    const Service service(in_web, protocol, 8080, "web");
    const auto gateway = gateway_of(node);

    CHECK(ask(here, protocol, "127.0.0.1", 18080) == "web " + gateway);
    CHECK(ask(here, protocol, "127.0.0.2", 18080) == "web " + gateway);
    CHECK(ask(here, protocol, far.here, 18080) == "web " + far.here);
    CHECK(ask(here, protocol, gateway, 18080) == "web " + gateway);
    CHECK(ask(far.place, protocol, far.here, 18080) == "web " + far.there);
    CHECK(ask(in_other, protocol, gateway, 18080) == "web " + gateway);
    CHECK(ask(in_other, protocol, far.here, 18080) == "web " + gateway);
    CHECK(ask(in_web, protocol, far.here, 18080) == "web " + gateway);
    CHECK(ask(in_other, protocol, web->address, 8080) == "web " + other->address);
    CHECK(ask(here, protocol, web->address, 8080) == "web " + gateway);

    REQUIRE_OK(node.remove("web"));
    CHECK(ask(far.place, protocol, far.here, 18080) == "refused");
    CHECK(ask(here, protocol, "127.0.0.1", 18080) == "refused");
    REQUIRE_OK(node.remove("other"));
  }
}

TEST_CASE("what was not published is not reached from other machines, whatever routes they make") {
  RuntimeNode node("closed");
  const OtherMachine far(2);
  SUBCASE("by default") {}
  SUBCASE("unless the node is told to let others in") {
    node.options.network.direct_access = true;
    node.open();
  }
  const auto web = start_with(node, "web", {port(8080, 18081)});
  REQUIRE_OK(web);
  const Service published(Place(web->pid), Protocol::tcp, 8080, "web");
  const Service hidden(Place(web->pid), Protocol::tcp, 9090, "hidden");
  far.place.command({"ip", "route", "add", node.options.subnet, "via", far.here});
  const bool open = node.options.network.direct_access;
  CHECK(ask(far.place, Protocol::tcp, web->address, 9090) == (open ? "hidden " + far.there : "silence"));
  CHECK(ask(far.place, Protocol::tcp, web->address, 8080) == (open ? "web " + far.there : "silence"));
  CHECK(ask(far.place, Protocol::tcp, far.here, 18081) == "web " + far.there);
  CHECK(ask(Place(), Protocol::tcp, web->address, 9090) == "hidden " + gateway_of(node));
}

TEST_CASE("what the node keeps on loopback stays there, although replicas' ports are reached from it") {
  RuntimeNode node("loopback");
  const OtherMachine far(3);
  const Place here;
  const auto web = start_with(node, "web", {port(8080, 18082)});
  REQUIRE_OK(web);
  const Service secret(here, Protocol::tcp, 7777, "secret", "127.0.0.1");
  const Service service(Place(web->pid), Protocol::tcp, 8080, "web");
  CHECK(ask(here, Protocol::tcp, "127.0.0.1", 7777) == "secret 127.0.0.1");
  // Both try as root of their namespace, with a route for loopback through the node.
  const Place in_web(web->pid);
  in_web.command({"sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"});
  in_web.command({"ip", "addr", "del", "127.0.0.1/8", "dev", "lo"});
  in_web.command({"ip", "route", "add", "127.0.0.1/32", "via", gateway_of(node), "src", web->address});
  CHECK(ask(in_web, Protocol::tcp, "127.0.0.1", 7777) == "silence");
  far.place.command({"sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"});
  far.place.command({"ip", "addr", "del", "127.0.0.1/8", "dev", "lo"});
  far.place.command({"ip", "route", "add", "127.0.0.1/32", "via", far.here, "src", far.there});
  CHECK(ask(far.place, Protocol::tcp, "127.0.0.1", 7777) == "silence");
  CHECK(ask(far.place, Protocol::tcp, "127.0.0.1", 18082) == "silence");
}

TEST_CASE("ports can be published on some of the node's addresses alone") {
  RuntimeNode node("some");
  const OtherMachine near(4), far(5);
  const Place here;
  SUBCASE("one of the machine's") {
    node.options.network.publish_on = {near.here};
  }
  SUBCASE("loopback") {
    node.options.network.publish_on = {"127.0.0.1"};
  }
  const auto only = node.options.network.publish_on.front();
  node.open();
  const auto web = start_with(node, "web", {port(8080, 18083)});
  REQUIRE_OK(web);
  const Service service(Place(web->pid), Protocol::tcp, 8080, "web");
  CHECK(ask(here, Protocol::tcp, only, 18083).starts_with("web "));
  CHECK(ask(here, Protocol::tcp, far.here, 18083) == "refused");
  CHECK(ask(far.place, Protocol::tcp, far.here, 18083) == "refused");
  CHECK(ask(near.place, Protocol::tcp, near.here, 18083) ==
        (only == near.here ? "web " + near.there : "refused"));
}

TEST_CASE(
    "a port that the node chooses is of its range, is reported, and stays over a restart of the agent") {
  RuntimeNode node("chosen");
  node.options.network.port_range = "31000-31009";
  node.open();
  const Place here;
  const auto web =
      start_with(node, "web", {port(8080, 0), port(53, 0, Protocol::udp), port(9090, std::nullopt)});
  REQUIRE_OK(web);
  REQUIRE(web->published_ports.size() == 2);
  for (const auto& published : web->published_ports) {
    CHECK(published.host_port >= 31000);
    CHECK(published.host_port <= 31009);
  }
  const auto chosen = web->published_ports[0].host_port;
  const Service service(Place(web->pid), Protocol::tcp, 8080, "web");
  CHECK(ask(here, Protocol::tcp, "127.0.0.1", chosen).starts_with("web "));
  node.port.reset();
  CHECK(ask(here, Protocol::tcp, "127.0.0.1", chosen).starts_with("web "));
  node.open();
  const auto seen = node.list();
  REQUIRE_OK(seen);
  REQUIRE(seen->size() == 1);
  CHECK(seen->front().published_ports == web->published_ports);
  CHECK(seen->front().address == web->address);
  CHECK(ask(here, Protocol::tcp, "127.0.0.1", chosen).starts_with("web "));
  const auto refused = start_with(node, "late", {port(8080, chosen)});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("is published already, for container web-0") != std::string::npos);
}

TEST_CASE("a port that somebody has is refused with the reason, and nothing is left of the container") {
  RuntimeNode node("taken");
  const auto before = rule_set();
  const Service stranger(Place(), Protocol::tcp, 18084, "stranger", "127.0.0.1");
  const auto refused = start_with(node, "victim", {port(8080, 18085), port(8081, 18084)});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK(refused.error().message.find("port 18084/tcp of the node is in use by another program") !=
        std::string::npos);
  CHECK(node.traces("victim") == "");
  CHECK(ask(Place(), Protocol::tcp, "127.0.0.1", 18084) == "stranger 127.0.0.1");
  const auto first = start_with(node, "first", {port(8080, 18085)});
  REQUIRE_OK(first);
  const auto second = start_with(node, "second", {port(8080, 18085)});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().message.find(
            "port 18085/tcp of the node is published already, for container first-0") != std::string::npos);
  REQUIRE_OK(node.remove("first"));
  REQUIRE_OK(start_with(node, "second", {port(8080, 18085)}));
}

TEST_CASE(
    "an address range that is used up is said to be, and one address is given back with its container") {
  RuntimeNode node("small");
  const auto wide = *parse_subnet(node.options.subnet);
  node.options.subnet = to_string(wide.network) + "/29";
  node.open();
  for (int i = 0; i < 5; ++i) REQUIRE_OK(start_with(node, "r" + std::to_string(i), {}));
  const auto refused = start_with(node, "r5", {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::resource_exhausted);
  CHECK(refused.error().message.find("all 5 addresses") != std::string::npos);
  REQUIRE_OK(node.remove("r2"));
  REQUIRE_OK(start_with(node, "r5", {}));
}

TEST_CASE("what leaves the node has the node's address, and forwarding is on") {
  RuntimeNode node("leaving");
  const OtherMachine far(6);
  const auto web = start_with(node, "web", {});
  REQUIRE_OK(web);
  const Service service(far.place, Protocol::tcp, 80, "far");
  CHECK(ask(Place(web->pid), Protocol::tcp, far.there, 80) == "far " + far.here);
  CHECK(run({"sysctl", "-n", "net.ipv4.ip_forward"}).output == "1\n");
}

TEST_CASE(
    "a client that goes on sending datagrams from one port reaches the next replica, not the last one") {
  RuntimeNode node("flows");
  const OtherMachine far(7);
  const auto asked = [&] { return ask(far.place, Protocol::udp, far.here, 18086, 40001); };
  CHECK(asked() == "refused");
  const auto first = start_with(node, "first", {port(5353, 18086, Protocol::udp)});
  REQUIRE_OK(first);
  {
    const Service service(Place(first->pid), Protocol::udp, 5353, "first");
    CHECK(asked() == "first " + far.there);
  }
  REQUIRE_OK(node.remove("first"));
  const auto second = start_with(node, "second", {port(5353, 18086, Protocol::udp)});
  REQUIRE_OK(second);
  const Service service(Place(second->pid), Protocol::udp, 5353, "second");
  CHECK(asked() == "second " + far.there);
}

TEST_CASE("everything of ours goes, whatever a crash left, and nothing of a stranger's") {
  run({"nft", "add", "table", "ip", "stranger"});
  run({"nft", "add", "chain", "ip", "stranger", "c", "{ type filter hook input priority 7; }"});
  run({"ip", "link", "add", "stranger0", "type", "veth", "peer", "name", "stranger1"});
  const auto rules_before = rule_set();
  const auto devices_before = devices();
  CHECK(rules_before.find("stranger") != std::string::npos);
  RuntimeNode node("crash");
  const auto web = start_with(node, "web", {port(8080, 18087)});
  REQUIRE_OK(web);
  // A crash in the middle of a start: an element, a link and files of a container that never was.
  const auto table = namespace_of(node.options);
  run({"nft", "add", "element", "ip", table, "tcp_ports", "{ 18088 : 10.9.9.9 . 80 }"});
  run({"ip", "link", "add", "vc0123456789ab", "type", "veth", "peer", "name", "lost"});
  run({"ip", "link", "set", "vc0123456789ab", "master", node.options.bridge});
  run({"ip", "link", "set", "stranger0", "master", node.options.bridge});
  std::filesystem::create_directories(node.options.state_dir + "/network/ghost-0");
  CHECK(devices().find("vc0123456789ab") != std::string::npos);
  CHECK(rule_set().find("18088") != std::string::npos);
  node.open();
  REQUIRE_OK(node.list());
  CHECK(rule_set().find("18087") != std::string::npos);
  CHECK(rule_set().find("18088") == std::string::npos);
  CHECK(devices().find("vc0123456789ab") == std::string::npos);
  CHECK(devices().find("stranger0") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(node.options.state_dir + "/network/ghost-0"));
  run({"ip", "link", "set", "stranger0", "nomaster"});
  node.port.reset();
  REQUIRE_OK(remove_everything(node.options));
  CHECK(rule_set() == rules_before);
  CHECK(devices() == devices_before);
  run({"nft", "delete", "table", "ip", "stranger"});
  run({"ip", "link", "del", "stranger0"});
}

TEST_CASE("rules that a stranger flushed are there again after the next look") {
  RuntimeNode node("flushed");
  const auto web = start_with(node, "web", {port(8080, 18089)});
  REQUIRE_OK(web);
  const Service service(Place(web->pid), Protocol::tcp, 8080, "web");
  run({"nft", "flush", "ruleset"});
  CHECK(ask(Place(), Protocol::tcp, "127.0.0.1", 18089) == "refused");
  SUBCASE("of the agent") {
    REQUIRE_OK(node.list());
  }
  SUBCASE("of the next replica with a port") {
    REQUIRE_OK(start_with(node, "next", {port(80, 18090)}));
  }
  CHECK(ask(Place(), Protocol::tcp, "127.0.0.1", 18089).starts_with("web "));
}

TEST_CASE("a bridge that a stranger deleted is there again after the next look, with the replicas on it") {
  RuntimeNode node("unplugged");
  const auto web = start_with(node, "web", {port(8080, 18093)});
  REQUIRE_OK(web);
  const Service service(Place(web->pid), Protocol::tcp, 8080, "web");
  run({"ip", "link", "del", node.options.bridge});
  CHECK(ask(Place(), Protocol::tcp, web->address, 8080) != "web " + gateway_of(node));
  SUBCASE("of the agent") {
    REQUIRE_OK(node.list());
  }
  SUBCASE("of the agent that was restarted") {
    node.open();
    REQUIRE_OK(node.list());
  }
  CHECK(eventually(
      [&] { return ask(Place(), Protocol::tcp, "127.0.0.1", 18093) == "web " + gateway_of(node); }));
  CHECK(ask(Place(web->pid), Protocol::tcp, gateway_of(node), 18093) == "web " + gateway_of(node));
}

TEST_CASE("starting and removing replicas leaves no rule, link, file or socket") {
  RuntimeNode node("leaks");
  REQUIRE_OK(node.list());
  const auto count = [&] {
    std::string out = rule_set() + devices();
    std::size_t sockets = 0;
    for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      sockets += std::filesystem::read_symlink(fd.path(), gone).string().starts_with("socket:");
    }
    out += std::to_string(sockets) + " sockets\n";
    for (const auto& left : std::filesystem::directory_iterator(node.options.state_dir + "/network"))
      out += left.path().string() + "\n";
    return out;
  };
  REQUIRE_OK(start_with(node, "warm", {port(8080, 18091)}));
  REQUIRE_OK(node.remove("warm"));
  const auto before = count();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i)
      REQUIRE_OK(start_with(node, "r" + std::to_string(i), {port(8080, 0), port(53, 0, Protocol::udp)}));
    for (int i = 0; i < 4; ++i) REQUIRE_OK(node.remove("r" + std::to_string(i)));
  }
  CHECK(count() == before);
}

TEST_CASE("a bridge or a range that cannot work is refused with the setting's name") {
  RuntimeNode node("settings");
  const auto refused = [&](auto change) {
    auto options = node.options;
    change(options);
    const auto made = make_containerd_runtime(options);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == Errc::invalid_argument);
    return made.error().message;
  };
  using O = ContainerdOptions;
  CHECK(refused([](O& o) { o.bridge = "cloudless-bridge-0"; }).starts_with("bridge: "));
  CHECK(refused([](O& o) { o.subnet = "10.0.0.0"; }).starts_with("subnet: "));
  CHECK(refused([](O& o) { o.network.port_range = "9-1"; }).starts_with("network.port_range: "));
  CHECK(refused([](O& o) { o.network.publish_on = {"::"}; }).starts_with("network.publish_on: "));
  CHECK(refused([](O& o) { o.network.nameservers = {"dns.example"}; }).starts_with("network.nameservers: "));
}

TEST_CASE("a device that is no bridge, or has an address of the range, is named as the reason") {
  RuntimeNode node("clash");
  SUBCASE("no bridge") {
    run({"ip", "link", "add", node.options.bridge, "type", "veth", "peer", "name", "nobridge"});
    const auto refused = node.list();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.find("is no bridge") != std::string::npos);
    run({"ip", "link", "del", node.options.bridge});
  }
  SUBCASE("an address of the range") {
    const auto address = to_string(parse_subnet(node.options.subnet)->gateway() + 7);
    run({"ip", "addr", "add", address + "/32", "dev", "lo"});
    const auto refused = node.list();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.find(address) != std::string::npos);
    CHECK(refused.error().message.find("setting subnet") != std::string::npos);
    run({"ip", "addr", "del", address + "/32", "dev", "lo"});
  }
  REQUIRE_OK(node.list());
}

TEST_CASE("a bridge that an operator made is used, and its other addresses go to no replica") {
  RuntimeNode node("own");
  const auto wide = *parse_subnet(node.options.subnet);
  node.options.subnet = to_string(wide.network) + "/29";
  run({"ip", "link", "add", node.options.bridge, "type", "bridge"});
  const auto taken = to_string(wide.gateway() + 2);
  run({"ip", "addr", "add", taken + "/29", "dev", node.options.bridge});
  node.open();
  for (int i = 0; i < 4; ++i) {
    const auto started = start_with(node, "r" + std::to_string(i), {});
    REQUIRE_OK(started);
    CHECK(started->address != taken);
  }
  CHECK_FALSE(start_with(node, "r4", {}).has_value());
}

TEST_CASE(
    "a replica finds its name, its address and the node's name server in its files, which it cannot change") {
  RuntimeNode node("files");
  node.options.network.nameservers = {"192.0.2.53"};
  node.options.network.search = {"one.example", "two.example"};
  node.open();
  const auto started = node.start_shell(
      "web", "cat /etc/hosts /etc/hostname /etc/resolv.conf; hostname -i; echo x >> /etc/hosts || echo no");
  REQUIRE_OK(started);
  REQUIRE_OK(node.wait("web"));
  REQUIRE_OK(node.remove("web"));
  const auto printed = node.printed("web");
  CHECK(
      printed.find(started->address + " web\nweb\nnameserver 192.0.2.53\nsearch one.example two.example\n") !=
      std::string::npos);
  CHECK(printed.find("\n" + started->address + "\n") != std::string::npos);
  CHECK(printed.find("\nno\n") != std::string::npos);
  CHECK(std::filesystem::is_empty(node.options.state_dir + "/network"));
}

TEST_CASE("the node's own network is for those that its policy lets in") {
  RuntimeNode node("host");
  auto request = node.request("guest", {"/bin/sh", "-c", kSleep});
  request.assignment.pod.host_network = true;
  request.assignment.pod.ports = {port(18092, std::nullopt)};
  const auto refused = node.start(request);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK(refused.error().message.find("policy.allow_host_network") != std::string::npos);
  CHECK(node.traces("guest") == "");
  node.options.policy.allow_host_network = true;
  node.open();
  const OtherMachine far(8);
  const auto web = node.start(request);
  REQUIRE_OK(web);
  CHECK(web->published_ports == std::vector<PublishedPort>{{"p18092", Protocol::tcp, 18092, 18092}});
  CHECK(Place(web->pid).command({"readlink", "/proc/self/ns/net"}).output ==
        run({"readlink", "/proc/self/ns/net"}).output);
  {
    const Service service(Place(web->pid), Protocol::tcp, 18092, "guest");
    CHECK(ask(far.place, Protocol::tcp, far.here, 18092) == "guest " + far.there);
  }
  const auto clash = start_with(node, "clash", {port(80, 18092)});
  REQUIRE_FALSE(clash.has_value());
  CHECK(clash.error().message.find("container guest-0") != std::string::npos);
  node.open();
  const auto seen = node.list();
  REQUIRE_OK(seen);
  REQUIRE(seen->size() == 1);
  CHECK(seen->front().published_ports == web->published_ports);
  CHECK(seen->front().address == web->address);
  REQUIRE_OK(node.remove("guest"));
  CHECK(node.traces("guest") == "");
  REQUIRE_OK(start_with(node, "clash", {port(80, 18092)}));
}

}  // namespace
