// Probes of real containers: over the node's bridge, and inside them through a real containerd.
#include <doctest/doctest.h>

#include "actors/runtime/prober/prober.hpp"
#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;

/// Answers "/" with a page, and "/cgi-bin/sick" with 503.
constexpr char kServer[] =
    "mkdir -p /tmp/www/cgi-bin; echo fine > /tmp/www/index.html; "
    "printf '#!/bin/sh\\nprintf \"Status: 503 Sick\\\\r\\\\n\\\\r\\\\nno database\"\\n' > "
    "/tmp/www/cgi-bin/sick; "
    "chmod 755 /tmp/www/cgi-bin/sick; httpd -f -p 8080 -h /tmp/www";

struct ProbedNode {
  RuntimeNode node;
  std::unique_ptr<ProbePort> prober;

  explicit ProbedNode(const std::string& name) : node(name) {
    auto made = make_prober([this](ContainerId container, ExecQuery query, Done<ExecResult> done) {
      return node.port->exec(std::move(container), std::move(query), std::move(done));
    });
    REQUIRE_OK(made);
    prober = std::move(*made);
  }
  ContainerId id(const std::string& name) const { return node.request(name, {}).container; }

  std::future<ProbeAnswer> begin(const std::string& name, const std::string& address, ProbeCheck check,
                                 Millis timeout = 20'000) {
    auto promise = std::make_shared<std::promise<ProbeAnswer>>();
    auto future = promise->get_future();
    prober->ask({id(name), address, std::move(check), timeout},
                [promise](ProbeAnswer answer) { promise->set_value(std::move(answer)); });
    return future;
  }
  ProbeAnswer ask(const std::string& name, const std::string& address, ProbeCheck check,
                  Millis timeout = 20'000) {
    auto future = begin(name, address, std::move(check), timeout);
    REQUIRE(future.wait_for(kPatience) == std::future_status::ready);
    return future.get();
  }
};

TEST_CASE("a real container is asked by http and tcp at its address, and inside by exec") {
  ProbedNode probed("probes");
  const auto started = probed.node.start_shell("web", kServer);
  REQUIRE_OK(started);
  const auto& at = started->address;
  CHECK(eventually([&] {
    return probed.ask("web", at, HttpCheck{false, 8080, "/", {}}).outcome == ProbeOutcome::passed;
  }));
  CHECK(probed.ask("web", at, TcpCheck{8080}).outcome == ProbeOutcome::passed);
  CHECK(probed.ask("web", at, TcpCheck{8081}).text == "connection refused by " + at + ":8081");
  CHECK(probed.ask("web", at, HttpCheck{false, 8080, "/cgi-bin/sick", {}}).text ==
        "HTTP 503 from /cgi-bin/sick: no database");
  // 8080, and only in the container's network: what joins a container in a chroot may have another root.
  CHECK(
      probed.ask("web", at, ExecCheck{{"grep", "-q", ":1F90 ", "/proc/net/tcp", "/proc/net/tcp6"}}).outcome ==
      ProbeOutcome::passed);
  CHECK(
      probed.ask("web", at, ExecCheck{{"grep", "-q", ":1F91 ", "/proc/net/tcp", "/proc/net/tcp6"}}).outcome ==
      ProbeOutcome::failed);
  CHECK(probed.ask("web", at, ExecCheck{{"sh", "-c", "echo away >&2; exit 4"}}).text ==
        "exit code 4 from 'sh -c echo away >&2; exit 4': away");
  const auto missing = probed.ask("web", at, ExecCheck{{"/no/such"}});
  CHECK(missing.outcome == ProbeOutcome::failed);
  CHECK_MESSAGE(missing.text.find("does not exist") != std::string::npos, missing.text);
  REQUIRE_OK(probed.node.remove("web"));
  CHECK(probed.ask("web", at, HttpCheck{false, 8080, "/", {}}, 500).outcome == ProbeOutcome::failed);
  CHECK(probed.ask("web", at, ExecCheck{{"true"}}).outcome == ProbeOutcome::failed);
}

TEST_CASE("an exec probe that hangs is killed when its time is over, and leaves no process") {
  ProbedNode probed("hangs");
  REQUIRE_OK(probed.node.start_shell("a", "sleep 100000"));
  const auto answer = probed.ask("a", "", ExecCheck{{"sleep", "4242"}}, 500);
  CHECK(answer == ProbeAnswer{ProbeOutcome::failed, "'sleep 4242' did not end within 500 ms"});
  CHECK(eventually([&] {
    const auto processes = probed.node.exec("a", {"ps"});
    return processes && processes->stdout_data.find("4242") == std::string::npos;
  }));
  REQUIRE_OK(probed.node.remove("a"));
}

TEST_CASE("probes that outlive their container are answered") {
  ProbedNode probed("outlive");
  const auto started = probed.node.start_shell("a", "nc -ll -p 8080 -e sleep 1000 & sleep 100000");
  REQUIRE_OK(started);
  CHECK(eventually(
      [&] { return probed.ask("a", started->address, TcpCheck{8080}).outcome == ProbeOutcome::passed; }));
  auto exec = probed.begin("a", "", ExecCheck{{"sleep", "1000"}});
  auto http = probed.begin("a", started->address, HttpCheck{false, 8080, "/", {}}, 3000);
  REQUIRE_OK(probed.node.remove("a"));
  REQUIRE(exec.wait_for(kPatience) == std::future_status::ready);
  CHECK(exec.get().outcome != ProbeOutcome::passed);
  REQUIRE(http.wait_for(kPatience) == std::future_status::ready);
  CHECK(http.get().outcome == ProbeOutcome::failed);
  CHECK(probed.node.traces("a") == "");
}

TEST_CASE("while containerd is away an exec probe says nothing of the container, and http goes on") {
  ProbedNode probed("away");
  const auto started = probed.node.start_shell("web", kServer);
  REQUIRE_OK(started);
  CHECK(eventually([&] {
    return probed.ask("web", started->address, HttpCheck{false, 8080, "/", {}}).outcome ==
           ProbeOutcome::passed;
  }));
  probed.node.machine.kill_hard();
  CHECK(probed.ask("web", "", ExecCheck{{"true"}}, 2000).outcome == ProbeOutcome::unknown);
  CHECK(probed.ask("web", started->address, HttpCheck{false, 8080, "/", {}}).outcome == ProbeOutcome::passed);
  probed.node.machine.start_again();
  CHECK(
      eventually([&] { return probed.ask("web", "", ExecCheck{{"true"}}).outcome == ProbeOutcome::passed; }));
  REQUIRE_OK(probed.node.remove("web"));
}

}  // namespace
