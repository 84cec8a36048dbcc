#include "actors/runtime/containerd/host_ports.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cloudless::runtime {
namespace {

constexpr Ipv4 kLoopback = 0x7f000001;

Port wanted(std::uint16_t inside, std::optional<std::uint16_t> outside, Protocol protocol = Protocol::tcp) {
  return {"p" + std::to_string(inside), inside, protocol, outside};
}

/// Another program's socket; `port()` is one that was free.
class Stranger {
 public:
  explicit Stranger(int type = SOCK_STREAM, std::uint16_t port = 0)
      : fd_(socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    const int yes = 1;  // as servers do
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(kLoopback);
    bound = bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
    if (type == SOCK_STREAM && bound) bound = listen(fd_, 1) == 0;
  }
  ~Stranger() { close(fd_); }
  std::uint16_t port() const {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    return ntohs(at.sin_port);
  }
  int accept_one() const { return accept(fd_, nullptr, nullptr); }
  bool bound = false;

 private:
  int fd_;
};

std::uint16_t free_port(int type = SOCK_STREAM) {
  return Stranger(type).port();
}

}  // namespace

TEST_CASE("a range of ports is read, or refused") {
  CHECK(parse_port_range("30000-32767") == PortRange{30000, 32767});
  CHECK(parse_port_range("5-5") == PortRange{5, 5});
  for (const char* bad : {"", "30000", "30000-", "-5", "0-5", "5-4", "1-65536", "a-b", "1-2-3", " 1-2"}) {
    CAPTURE(bad);
    CHECK(parse_port_range(bad).error().code == Errc::invalid_argument);
  }
}

TEST_CASE("published ports survive as a label, and a damaged label gives what can be read") {
  const std::vector<PublishedPort> ports{{"http", Protocol::tcp, 80, 30001}, {"", Protocol::udp, 53, 65535}};
  CHECK(to_label(ports) == "http:tcp:80:30001,:udp:53:65535");
  CHECK(parse_port_label(to_label(ports)) == ports);
  CHECK(to_label({}).empty());
  CHECK(parse_port_label("").empty());
  CHECK(parse_port_label("x,a:tcp:0:1,b:sctp:1:1,c:tcp:80:70000,d:tcp:80:81:82,http:tcp:80:30001") ==
        std::vector<PublishedPort>{{"http", Protocol::tcp, 80, 30001}});
}

TEST_CASE("a port that was asked for is taken once, and free again after its release") {
  HostPorts ports({30000, 32767}, {kLoopback});
  const auto number = free_port();
  const ContainerId a{"a"}, b{"b"};
  const auto got = ports.take(a, "a", {wanted(80, number), wanted(81, std::nullopt)});
  REQUIRE(got.has_value());
  CHECK(*got == std::vector<PublishedPort>{{"p80", Protocol::tcp, 80, number}});
  const auto refused = ports.take(b, "b", {wanted(80, number)});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::failed_precondition);
  CHECK(refused.error().message ==
        "port " + std::to_string(number) + "/tcp of the node is published already, for container a");
  CHECK(ports.take(b, "b", {wanted(80, number, Protocol::udp)}).has_value());
  CHECK(ports.take(a, "a", {wanted(80, number)}).has_value());
  ports.release(a);
  CHECK(ports.take(b, "b", {wanted(80, number)}).has_value());
}

TEST_CASE("a port is held against other programs while it is published, and no longer") {
  HostPorts ports({30000, 32767}, {kLoopback});
  const auto number = free_port();
  REQUIRE(ports.take(ContainerId{"a"}, "a", {wanted(80, number)}).has_value());
  CHECK_FALSE(Stranger(SOCK_STREAM, number).bound);
  ports.release(ContainerId{"a"});
  CHECK(Stranger(SOCK_STREAM, number).bound);
}

TEST_CASE("a port that another program has is refused, with nothing taken") {
  HostPorts ports({30000, 32767}, {});
  for (const auto& [type, protocol] :
       {std::pair{SOCK_STREAM, Protocol::tcp}, std::pair{SOCK_DGRAM, Protocol::udp}}) {
    const Stranger stranger(type);
    const auto other = free_port(type);
    const auto refused = ports.take(ContainerId{"a"}, "a",
                                    {wanted(80, other, protocol), wanted(81, stranger.port(), protocol)});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::failed_precondition);
    CHECK(refused.error().message.find(port_text(protocol, stranger.port()) +
                                       " of the node is in use by another "
                                       "program") != std::string::npos);
    CHECK(Stranger(type, other).bound);
  }
}

TEST_CASE("a port whose last connections are only just over is free") {
  std::uint16_t number = 0;
  {
    const Stranger stranger;
    number = stranger.port();
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(number);
    to.sin_addr.s_addr = htonl(kLoopback);
    REQUIRE(connect(client, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    const int served = stranger.accept_one();
    close(served);  // first: its side of the connection lingers
    close(client);
  }
  HostPorts ports({30000, 32767}, {});
  CHECK(ports.take(ContainerId{"a"}, "a", {wanted(80, number)}).has_value());
}

TEST_CASE(
    "a chosen port is of the range, its own, none that a program has, and the same again for a replica") {
  const Stranger stranger;
  const auto first = stranger.port();
  if (first > 65531) return;  // no room for a range behind it
  HostPorts ports({first, static_cast<std::uint16_t>(first + 3)}, {kLoopback});
  const auto one = ports.take(ContainerId{"a-1"}, "a", {wanted(80, 0), wanted(81, 0)});
  REQUIRE(one.has_value());
  for (const auto& port : *one) {
    CHECK(port.host_port > first);
    CHECK(port.host_port <= first + 3);
  }
  CHECK((*one)[0].host_port != (*one)[1].host_port);
  ports.release(ContainerId{"a-1"});
  CHECK(ports.take(ContainerId{"a-2"}, "a", {wanted(80, 0), wanted(81, 0)}) == *one);
}

TEST_CASE("a range that is used up is said to be") {
  const auto number = free_port();
  HostPorts ports({number, number}, {kLoopback});
  REQUIRE(ports.take(ContainerId{"a"}, "a", {wanted(80, 0)}).has_value());
  const auto refused = ports.take(ContainerId{"b"}, "b", {wanted(80, 0)});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::resource_exhausted);
  CHECK(refused.error().message.find("all 1 ports") != std::string::npos);
}

TEST_CASE("after a restart a container has the ports that its label says, whoever came meanwhile") {
  HostPorts ports({30000, 32767}, {kLoopback});
  const Stranger stranger;
  const auto number = free_port();
  const std::vector<PublishedPort> had{{"a", Protocol::tcp, 80, number},
                                       {"b", Protocol::tcp, 81, stranger.port()}};
  CHECK(ports.adopt(ContainerId{"a"}, had, false) ==
        std::vector<std::string>{port_text(Protocol::tcp, stranger.port())});
  CHECK_FALSE(Stranger(SOCK_STREAM, number).bound);
  for (const auto& port : had)
    CHECK(
        ports.take(ContainerId{"b"}, "b", {wanted(80, port.host_port)}).error().message.find("container a") !=
        std::string::npos);
}

TEST_CASE("a container in the node's own network has its ports there, and binds them itself") {
  HostPorts ports({30000, 32767}, {kLoopback});
  const Stranger stranger;
  const auto number = free_port();
  CHECK(ports.take_of_node(ContainerId{"a"}, {wanted(number, std::nullopt)}) ==
        std::vector<PublishedPort>{{"p" + std::to_string(number), Protocol::tcp, number, number}});
  CHECK(Stranger(SOCK_STREAM, number).bound);
  CHECK_FALSE(ports.take(ContainerId{"b"}, "b", {wanted(80, number)}).has_value());
  CHECK_FALSE(ports.take_of_node(ContainerId{"c"}, {wanted(stranger.port(), std::nullopt)}).has_value());
}

}  // namespace cloudless::runtime
