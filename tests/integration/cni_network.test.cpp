// A node whose network is a chain of CNI plugins: Debian's bridge, host-local and portmap.
#include <doctest/doctest.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "actors/runtime/containerd/subnet.hpp"
#include "tests/integration/machines.test.hpp"
#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
namespace fs = std::filesystem;

const char* kPlugins = "/usr/lib/cni";

/// A node in mode cni, with these plugins behind the bridge.
class CniNode : public RuntimeNode {
 public:
  explicit CniNode(const std::string& name, const std::string& more_plugins = {}) : RuntimeNode(name) {
    REQUIRE_MESSAGE(fs::exists(std::string(kPlugins) + "/bridge"),
                    "Debian: containernetworking-plugins, iptables");
    conf_dir = machine.folder() + "/" + name + "-conf";
    ipam = machine.folder() + "/" + name + "-ipam";
    fs::create_directories(conf_dir);
    std::ofstream(conf_dir + "/10-test.conflist")
        << R"({"cniVersion": "0.4.0", "name": ")" << name
        << R"(", "plugins": [{"type": "bridge", "bridge": ")" << options.bridge
        << R"(", "isGateway": true, "ipMasq": true, "hairpinMode": true, "ipam": {"type":
           "host-local", "dataDir": ")"
        << ipam << R"(", "ranges": [[{"subnet": ")" << options.subnet
        << R"("}]], "routes": [{"dst": "0.0.0.0/0"}]}, "dns": {"nameservers": ["192.0.2.77"]}})"
        << more_plugins << "]}";
    options.network.mode = NetworkMode::cni;
    options.network.conf_dir = conf_dir;
    options.network.bin_dir = kPlugins;
    open();
  }
  ~CniNode() {
    port.reset();
    (void)remove_everything(options);
  }
  std::size_t leases() const {
    std::size_t out = 0;
    std::error_code none;
    for (const auto& file : fs::directory_iterator(ipam + "/" + options.node.value, none))
      out += file.path().filename().string().starts_with("10.");
    return out;
  }
  Result<StartedContainer> start_with(const std::string& name, std::vector<Port> ports) {
    auto asked = request(name, {"/bin/sh", "-c", "exec sleep 1000"});
    asked.assignment.pod.ports = std::move(ports);
    return start(asked);
  }

  std::string conf_dir;
  std::string ipam;
};

const char* kPortmap = R"(, {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true})";

std::string mounts_of(const RuntimeNode& node) {
  std::istringstream in(run({"cat", "/proc/self/mounts"}).output);
  std::string out;
  for (std::string line; std::getline(in, line);)
    if (line.find(node.options.state_dir + "/cni/") != std::string::npos) out += line + "\n";
  return out;
}

TEST_CASE(
    "a chain of plugins gives a replica its address, its name server and its published port, and takes "
    "them") {
  CniNode node("cni", kPortmap);
  const OtherMachine far(20);
  const auto web = node.start_with("web", {{"http", 8080, Protocol::tcp, 18180}});
  REQUIRE_OK(web);
  CHECK(parse_subnet(node.options.subnet)->contains(*parse_ipv4(web->address)));
  CHECK(web->published_ports == std::vector<PublishedPort>{{"http", Protocol::tcp, 8080, 18180}});
  const Service service(Place(web->pid), Protocol::tcp, 8080, "web");
  CHECK(ask(Place(), Protocol::tcp, web->address, 8080).starts_with("web "));
  CHECK(ask(far.place, Protocol::tcp, far.here, 18180).starts_with("web "));
  CHECK(ask(Place(), Protocol::tcp, "127.0.0.1", 18180).starts_with("web "));
  const auto files = node.exec("web", {"/bin/cat", "/etc/hosts", "/etc/resolv.conf"});
  REQUIRE_OK(files);
  CHECK(files->stdout_data.find(web->address + " web\n") != std::string::npos);
  CHECK(files->stdout_data.find("nameserver 192.0.2.77\n") != std::string::npos);
  CHECK(node.leases() == 1);
  CHECK(mounts_of(node) != "");
  SUBCASE("as long as the agent lives") {}
  SUBCASE("also when the agent was restarted in between") {
    node.open();
    const auto seen = node.list();
    REQUIRE_OK(seen);
    REQUIRE(seen->size() == 1);
    CHECK(seen->front().address == web->address);
    CHECK(seen->front().published_ports == web->published_ports);
  }
  SUBCASE("also when the configuration was changed in between") {
    std::ofstream(node.conf_dir + "/00-other.conflist")
        << R"({"cniVersion": "1.0.0", "name": "other", "plugins": [{"type": "loopback"}]})";
    node.open();
  }
  REQUIRE_OK(node.remove("web"));
  CHECK(node.leases() == 0);
  CHECK(mounts_of(node) == "");
  CHECK(fs::is_empty(node.options.state_dir + "/cni"));
  CHECK(ask(far.place, Protocol::tcp, far.here, 18180) == "refused");
}

TEST_CASE("what a crash left of a chain's work is undone when the agent comes back") {
  CniNode node("cni-crash", kPortmap);
  REQUIRE_OK(node.start_with("web", {{"http", 8080, Protocol::tcp, 18181}}));
  node.port.reset();
  // Behind the agent's back the container goes, as when the agent is killed in the middle of its removal.
  const auto id = std::string("web-0");
  node.ctr({"tasks", "kill", "-s", "SIGKILL", id});
  eventually([&] { return node.ctr({"tasks", "rm", id}).empty(); });
  node.ctr({"containers", "rm", id});
  CHECK(node.leases() == 1);
  node.open();
  REQUIRE_OK(node.list());
  CHECK(node.leases() == 0);
  CHECK(mounts_of(node) == "");
}

TEST_CASE("a plugin that fails is named with its own words, and what was done is undone") {
  CniNode node("cni-bad", R"(, {"type": "tuning", "sysctl": {"net.no.such.parameter": "1"}})");
  const auto refused = node.start_with("web", {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK(refused.error().message.find("CNI plugin /usr/lib/cni/tuning ADD failed: ") != std::string::npos);
  CHECK(node.leases() == 0);
  CHECK(mounts_of(node) == "");
}

TEST_CASE("a port cannot be published where no plugin of the chain does that") {
  CniNode node("cni-plain");
  const auto refused = node.start_with("web", {{"http", 8080, Protocol::tcp, 18182}});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK(refused.error().message.find("portMappings") != std::string::npos);
  REQUIRE_OK(node.start_with("web", {{"http", 8080, Protocol::tcp, std::nullopt}}));
}

TEST_CASE("a chain that cannot work is refused when the agent starts") {
  CniNode node("cni-settings");
  const auto refused = [&](auto change) {
    auto options = node.options;
    change(options.network);
    const auto made = make_containerd_runtime(options);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == Errc::invalid_argument);
    return made.error().message;
  };
  using N = NetworkOptions;
  CHECK(refused([&](N& n) { n.conf_dir = "/does/not/exist"; }).starts_with("network.conf_dir: "));
  CHECK(refused([&](N& n) { n.bin_dir = "/does/not/exist"; }).starts_with("network.bin_dir: "));
  CHECK(refused([&](N& n) { n.publish_on = {"192.0.2.1"}; }).starts_with("network.publish_on: "));
  std::ofstream(node.conf_dir + "/05-broken.conf") << "{";
  CHECK(refused([&](N&) {}).find("05-broken.conf cannot be read") != std::string::npos);
}

TEST_CASE("an agent that changes from a bridge of its own to plugins leaves neither bridge nor rules") {
  RuntimeNode before("cni-change");
  REQUIRE_OK(before.list());
  CHECK(run({"nft", "list", "tables"}).output.find(namespace_of(before.options)) != std::string::npos);
  before.port.reset();
  CniNode other("cni-other");
  before.options.network = other.options.network;
  before.open();
  REQUIRE_OK(before.list());
  CHECK(run({"nft", "list", "tables"}).output.find(namespace_of(before.options)) == std::string::npos);
  CHECK(run({"ip", "link", "show", before.options.bridge}).exit_code != 0);
}

}  // namespace
