// Actors of ours on other machines: deciders that a host runs for a ring elsewhere, over CAF's network. Hosts
// are the real composition root in this process, or the real executable.
#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <future>
#include <thread>

#include "actors/node_link/keeper_actor.hpp"
#include "actors/node_link/transport/host_dialer.hpp"
#include "actors/node_link/transport/secret_file.hpp"
#include "messages/deciders.hpp"
#include "services/host/host.hpp"
#include "tests/integration/ring_fixture.test.hpp"

namespace cloudless::network_test {
namespace {

using host::Host;
using host::HostSettings;

struct RemoteTest {
  RemoteTest() : secret(*node_link::load_or_make_secret(folder.file("secret"))) {
    spdlog::set_level(spdlog::level::off);
  }

  void start_ring(bool with_rollout = true) {
    const auto port = ring ? ring->port() : std::uint16_t{0};
    ring.reset();
    ring = std::make_unique<RingProcess>(contents, secret, port, with_rollout);
  }
  HostSettings bare() const {
    HostSettings out;
    out.secret_file = folder.file("secret");
    out.listen = settings::Address{"127.0.0.1", 0};
    return out;
  }
  HostSettings member(std::vector<std::string> run) const {
    HostSettings out;
    out.secret_file = folder.file("secret");
    out.listen.reset();
    out.coordinator = settings::Address{"127.0.0.1", ring->port()};
    out.run = std::move(run);
    return out;
  }
  static std::unique_ptr<Host> start(const HostSettings& settings) {
    auto out = Host::start(settings);
    REQUIRE_MESSAGE(out.has_value(), (out ? "" : out.error().message));
    return std::move(*out);
  }
  node_link::HostDialer dialer(std::uint16_t port) {
    return {ring->system(), {"127.0.0.1", port, {secret, node_link::kHostPurpose}}, "a test"};
  }
  /// Places a decider of this kind for the ring.
  Result<caf::strong_actor_ptr> place(std::uint16_t port, const std::string& kind) {
    auto way = dialer(port);
    std::promise<Result<caf::strong_actor_ptr>> answer;
    way.place<scheduler_actor>(
        kind, [&](Result<caf::strong_actor_ptr> placed) { answer.set_value(std::move(placed)); },
        ring->ring().store, ring->ring().workload_state);
    return answer.get_future().get();
  }
  static void await(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!holds()) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
  }

  TestFolder folder;
  std::string secret;
  std::shared_ptr<store::MemoryContents> contents = std::make_shared<store::MemoryContents>();
  std::unique_ptr<RingProcess> ring;
};

TEST_CASE_FIXTURE(RemoteTest, "a scheduler placed on a bare host places replicas over the network") {
  start_ring();
  ring->join("n1");
  ring->join("n2");
  ring->create("web", 4);
  ring->await("web", Phase::pending, 4);
  const auto host = start(bare());
  const auto scheduler = place(host->port(), "scheduler");
  REQUIRE_MESSAGE(scheduler.has_value(), scheduler.error().message);
  CHECK((*scheduler)->node() != ring->system().node());
  ring->await("web", Phase::assigned, 4);
  ring->scale("web", 6);
  ring->await("web", Phase::assigned, 6);
}

TEST_CASE_FIXTURE(RemoteTest, "all deciders can live elsewhere, each on a host of its own") {
  start_ring(false);
  ring->join("n1");
  ring->create("web", 3);
  const auto one = start(bare());
  const auto other = start(bare());
  REQUIRE(place(one->port(), "rollout"));
  ring->await("web", Phase::pending, 3);
  REQUIRE(place(other->port(), "scheduler"));
  ring->await("web", Phase::assigned, 3);
}

TEST_CASE_FIXTURE(RemoteTest, "what a host cannot make is refused with the reason, and the host goes on") {
  start_ring();
  const auto host = start(bare());
  const auto unknown = place(host->port(), "store");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Errc::not_found);
  CHECK(unknown.error().message.find("rollout, scheduler") != std::string::npos);

  auto way = dialer(host->port());
  auto code_of = [&](auto&&... args) {
    std::promise<Errc> answer;
    way.place<scheduler_actor>(
        "scheduler",
        [&](const Result<caf::strong_actor_ptr>& placed) {
          answer.set_value(placed ? Errc::none : placed.error().code);
        },
        args...);
    return answer.get_future().get();
  };
  CHECK(code_of(ring->ring().store) == Errc::invalid_argument);
  CHECK(code_of(ring->ring().workload_state, ring->ring().store) == Errc::invalid_argument);
  CHECK(code_of(store_actor{}, ring->ring().workload_state) == Errc::invalid_argument);
  std::promise<Errc> other_interface;
  way.place<store_actor>(
      "scheduler",
      [&](const Result<caf::strong_actor_ptr>& placed) {
        other_interface.set_value(placed ? Errc::none : placed.error().code);
      },
      ring->ring().store, ring->ring().workload_state);
  CHECK(other_interface.get_future().get() == Errc::failed_precondition);
  CHECK(place(host->port(), "scheduler").has_value());
}

TEST_CASE_FIXTURE(RemoteTest, "who does not know the secret places nothing") {
  start_ring();
  const auto host = start(bare());
  const auto right = std::exchange(secret, std::string(32, 'x'));
  const auto refused = place(host->port(), "scheduler");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::permission_denied);
  CHECK(host->placed() == 0);
}

TEST_CASE_FIXTURE(RemoteTest, "what was placed ends when it is told to, and when its ring is gone") {
  start_ring();
  const auto host = start(bare());
  const auto first = place(host->port(), "scheduler");
  const auto second = place(host->port(), "rollout");
  REQUIRE(first);
  REQUIRE(second);
  CHECK(host->placed() == 2);
  caf::anon_send_exit(*first, caf::exit_reason::user_shutdown);
  await([&] { return host->placed() == 1; });
  ring.reset();
  await([&] { return host->placed() == 0; });
}

TEST_CASE_FIXTURE(RemoteTest, "a host that joined a ring works for it again after either was restarted") {
  start_ring(false);
  ring->join("n1", 100'000);
  ring->create("web", 1);
  auto host = start(member({"rollout", "scheduler"}));
  ring->await("web", Phase::assigned, 1);
  for (std::uint32_t round = 1; round <= 3; ++round) {
    CAPTURE(round);
    start_ring(false);
    ring->scale("web", 2 * round);
    ring->await("web", Phase::assigned, 2 * round);
    host.reset();
    ring->scale("web", 2 * round + 1);
    host = start(member({"rollout", "scheduler"}));
    ring->await("web", Phase::assigned, 2 * round + 1);
  }
}

/// A port that was free a moment ago.
std::uint16_t free_port() {
  NetworkConfig config;
  caf::actor_system system{config};
  const auto nobody = system.spawn([](follower_actor::pointer) -> follower_actor::behavior_type {
    return {[](const CommitsPublished&) {}};
  });
  const auto listener = node_link::Listener::open(system, {"127.0.0.1", 0, kKey}, nobody);
  REQUIRE(listener);
  caf::anon_send_exit(nobody, caf::exit_reason::kill);
  return (*listener)->port();
}

TEST_CASE_FIXTURE(RemoteTest,
                  "a scheduler that is kept on a host is placed again after kill -9 of the host") {
  start_ring();
  ring->join("n1", 100'000);
  ring->create("web", 1);
  const auto port = free_port();
  const std::vector<std::string> words{"--secret-file",    folder.file("secret"),
                                       "--log-level",      "off",
                                       "--listen-address", "127.0.0.1:" + std::to_string(port)};
  node_link::KeeperOptions options;
  options.what = "the scheduler";
  options.find = [way = std::make_shared<node_link::HostDialer>(
                      ring->system(),
                      node_link::DialOptions{"127.0.0.1", port, {secret, node_link::kHostPurpose}}, "a test"),
                  parts = ring->ring()](node_link::HostDialer::Done done) {
    way->place<scheduler_actor>("scheduler", std::move(done), parts.store, parts.workload_state);
  };
  const auto keeper = node_link::spawn_keeper(ring->system(), std::move(options));
  for (std::uint32_t round = 1; round <= 3; ++round) {
    CAPTURE(round);
    Child host("services/host/cloudless-host", words);
    ring->await("web", Phase::assigned, 2 * round - 1);
    ring->scale("web", 2 * round);
    ring->await("web", Phase::assigned, 2 * round);
    host.kill();
    ring->scale("web", 2 * round + 1);
    ring->await("web", Phase::pending, 1);
  }
  caf::anon_send_exit(keeper, caf::exit_reason::kill);
}

TEST_CASE_FIXTURE(RemoteTest,
                  "a scheduler in a process of its own goes on after kill -9 of it or of its ring") {
  start_ring();
  ring->join("n1", 100'000);
  ring->create("web", 1);
  ring->await("web", Phase::pending, 1);
  const std::vector<std::string> words{"--secret-file",
                                       folder.file("secret"),
                                       "--log-level",
                                       "off",
                                       "--listen-address",
                                       "off",
                                       "--run",
                                       "scheduler",
                                       "--coordinator",
                                       "127.0.0.1:" + std::to_string(ring->port())};
  for (std::uint32_t round = 1; round <= 3; ++round) {
    CAPTURE(round);
    Child scheduler("services/host/cloudless-host", words);
    ring->await("web", Phase::assigned, 2 * round - 1);
    start_ring();
    ring->scale("web", 2 * round);
    ring->await("web", Phase::assigned, 2 * round);
    scheduler.kill();
    ring->scale("web", 2 * round + 1);
    ring->await("web", Phase::pending, 1);
  }
}

}  // namespace
}  // namespace cloudless::network_test
