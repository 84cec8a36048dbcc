// The replica's address.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;

/// What the host gets when it connects to a port of a replica; empty: nothing.
std::string ask(const std::string& address, std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &to.sin_addr);
  timeval patience{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    char piece[256];
    for (ssize_t n = 0; (n = read(fd, piece, sizeof piece)) > 0;)
      answer.append(piece, static_cast<std::size_t>(n));
  }
  close(fd);
  return answer;
}

TEST_CASE("the host reaches a replica at its address, replicas reach each other, and each has its own name") {
  RuntimeNode node("net");
  const char* serve = "while :; do hostname | nc -l -p 8080; done";
  const auto a = node.start_shell("alpha", serve);
  const auto b = node.start_shell("beta", serve);
  REQUIRE_OK(a);
  REQUIRE_OK(b);
  CHECK(a->address != b->address);
  CHECK(eventually([&] { return ask(a->address, 8080) == "alpha\n"; }));
  CHECK(eventually([&] { return ask(b->address, 8080) == "beta\n"; }));
  REQUIRE_OK(node.start_shell("gamma", "nc -w 5 " + b->address + " 8080 </dev/null"));
  REQUIRE_OK(node.wait("gamma"));
  CHECK(eventually([&] { return node.printed("gamma") == "beta\n"; }));
  REQUIRE_OK(node.remove("gamma"));
  REQUIRE_OK(node.remove("alpha"));
  REQUIRE_OK(node.remove("beta"));
}

}  // namespace
