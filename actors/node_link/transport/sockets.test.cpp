// The node link and the ring over real sockets: the two systems of a coordinator, an agent's and a gateway's
// side by side in one process.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <fstream>
#include <future>
#include <thread>

#include "actors/node_link/agent_link_actor.hpp"
#include "actors/node_link/edge_actor.hpp"
#include "actors/node_link/link_fixture.test.hpp"
#include "actors/node_link/link_hub_actor.hpp"
#include "actors/node_link/ring_door_actor.hpp"
#include "actors/node_link/transport/dialer.hpp"
#include "actors/node_link/transport/listener.hpp"
#include "actors/node_link/transport/network_config.hpp"
#include "actors/node_link/transport/secret_file.hpp"
#include "actors/node_link/transport/socket.hpp"
#include "actors/node_link/transport/tls.hpp"

namespace cloudless::node_link::test {
namespace {

using namespace std::chrono_literals;

class SteadyClock final : public Clock {
 public:
  Millis steady() const override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
  WallMillis wall() const override { return steady(); }
};

/// Looks at the fakes under their lock until the condition holds; false after a long while.
bool await(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (std::chrono::steady_clock::now() < deadline) {
    {
      const std::lock_guard lock{guard};
      if (condition()) return true;
    }
    std::this_thread::sleep_for(2ms);
  }
  return false;
}

struct NetworkConfig : caf::actor_system_config {
  NetworkConfig() {
    configure_network(*this);
    set("scheduler.max-threads", std::size_t{1});
  }
};

struct LocalConfig : caf::actor_system_config {
  LocalConfig() {
    register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
  }
};

void end(const std::vector<caf::strong_actor_ptr>& actors) {
  for (const auto& actor : actors) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}
template <class Handle>
caf::strong_actor_ptr raw(const Handle& handle) {
  return caf::actor_cast<caf::strong_actor_ptr>(handle);
}

/// A coordinator as it is in production: the control system and the edge system, joined by the bridge alone.
class Coordinator {
 public:
  Coordinator(std::shared_ptr<FakeStore> store, std::shared_ptr<FakeOwners> owners, PrefaceKey key,
              std::uint16_t port = 0, std::string address = "127.0.0.1") {
    source_ = spawn_store(control, store);
    workload_state = spawn_workload_state(control, owners);
    membership = spawn_membership(control, owners);
    edge = spawn_edge(edge_system);
    hub = spawn_link_hub(control, source_, workload_state, membership, edge.bridge, clock);
    auto opened = Listener::open(edge_system, {std::move(address), port, std::move(key)}, edge.new_door);
    REQUIRE(opened);
    listener = std::move(*opened);
  }
  ~Coordinator() {
    listener.reset();
    end({raw(hub), raw(edge.bridge), raw(edge.door), raw(source_), raw(workload_state), raw(membership)});
  }

  SteadyClock clock;
  NetworkConfig control_config;
  caf::actor_system control{control_config};
  NetworkConfig edge_config;
  caf::actor_system edge_system{edge_config};
  workload_state_actor workload_state;
  node_membership_actor membership;
  Edge edge;
  link_hub_actor hub;
  std::unique_ptr<Listener> listener;

 private:
  source_actor source_;
};

class Agent {
 public:
  Agent(std::string name, std::uint64_t boot_id, DialOptions options, std::shared_ptr<FakeSupervisor> fake)
      : supervisor(std::move(fake)), dialer_(system, std::move(options)) {
    handle_ = spawn_supervisor(system, supervisor);
    AgentIdentity identity;
    identity.description.id = NodeId{std::move(name)};
    identity.boot_id = boot_id;
    link = spawn_agent_link(system, handle_, dialer_, identity, clock_);
  }
  ~Agent() {
    end({raw(link), raw(handle_)});
    const std::lock_guard lock{guard};
    supervisor->link = nullptr;
    supervisor->incarnation = 0;
  }

 private:
  SteadyClock clock_;
  NetworkConfig config_;

 public:
  caf::actor_system system{config_};
  std::shared_ptr<FakeSupervisor> supervisor;
  agent_link_actor link;

 private:
  runtime_supervisor_actor handle_;
  LinkDialer dialer_;
};

PrefaceKey some_key() {
  return {random_bytes(32), kLinkPurpose};
}

/// The actor of a port, or the error.
Result<caf::strong_actor_ptr> dial(Dialer& dialer) {
  std::promise<Result<caf::strong_actor_ptr>> answer;
  dialer.dial([&](Result<caf::strong_actor_ptr> found) { answer.set_value(std::move(found)); });
  return answer.get_future().get();
}

/// A plain connection, as a stranger makes it.
Socket stranger(std::uint16_t port) {
  Socket socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return socket;
}

/// Reads until the other end closes; false if it does not for a long while.
bool closes(const Socket& socket) {
  std::array<char, 256> bytes{};
  for (;;) {
    pollfd waiting{socket.fd(), POLLIN, 0};
    if (::poll(&waiting, 1, 20000) != 1) return false;
    if (::recv(socket.fd(), bytes.data(), bytes.size(), 0) <= 0) return true;
  }
}

std::size_t resident_kib() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t size = 0;
  std::size_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

struct Fixture {
  Fixture() {
    spdlog::set_level(std::getenv("LOGX") ? spdlog::level::debug : spdlog::level::off);
    store->commit({cluster_change("c1"), workload_change(), version_change()});
  }
  bool settled(const Agent& agent, const char* name) {
    return await([&] {
      return agent.supervisor->incarnation != 0 &&
             same_content(agent.supervisor->set, test::assignment_set(*store->snapshot, NodeId{name}));
    });
  }
  void commit(std::vector<Change> changes) {
    const std::lock_guard lock{guard};
    store->commit(std::move(changes));
  }
  std::shared_ptr<FakeStore> store = std::make_shared<FakeStore>();
  std::shared_ptr<FakeOwners> owners = std::make_shared<FakeOwners>();
  PrefaceKey key = some_key();
};

TEST_CASE_FIXTURE(Fixture,
                  "agents link over real sockets: sets, reports and sessions pass between three systems") {
  const char* address = "127.0.0.1";
  SUBCASE("on loopback") {}
  SUBCASE("beyond it, by TLS") {
    address = "0.0.0.0";
  }
  Coordinator coordinator{store, owners, key, 0, address};
  const DialOptions options{"localhost", coordinator.listener->port(), key};
  Agent agent{"n0", 1, options, std::make_shared<FakeSupervisor>()};
  Agent other{"n1", 2, options, std::make_shared<FakeSupervisor>()};
  commit({replica_change(0, "n0"), replica_change(1, "n1")});
  REQUIRE(settled(agent, "n0"));
  REQUIRE(settled(other, "n1"));
  CHECK(coordinator.listener->counts().accepted == 2);

  // A set of many parts.
  std::vector<Change> many{version_change(2, std::string(3000, 'i'))};
  for (std::uint64_t i = 2; i < 90; ++i) {
    auto change = replica_change(i, "n0");
    auto replica = *std::get<std::shared_ptr<const Replica>>(*change.record);
    replica.version = 2;
    many.push_back(put(std::make_shared<const Replica>(replica)));
  }
  commit(many);
  REQUIRE(settled(agent, "n0"));

  NodeReport report{NodeId{"n0"}, 1, {{ReplicaId{"web-0123456789-0"}, 3}}};
  caf::anon_send(agent.link, Carried<NodeReport>{report});
  REQUIRE(await([&] { return agent.supervisor->acks.size() == 1; }));

  auto frames = std::make_shared<std::vector<SessionFrame>>();
  auto sink = spawn_sink(coordinator.control, frames);
  const SessionId id{"s"};
  caf::anon_send(coordinator.hub,
                 Carried<SessionFrame>{SessionFrame{id, SessionOpen{NodeId{"n0"}, LogQuery{}, 1 << 20}}},
                 sink);
  REQUIRE(await([&] { return agent.supervisor->sessions.size() == 1; }));
  for (std::uint64_t i = 0; i < 64; ++i)
    caf::anon_send(agent.link, Carried<SessionFrame>{
                                   SessionFrame{id, SessionData{i, {}, std::string(60000, 'x'), false}}});
  caf::anon_send(agent.link, Carried<SessionFrame>{SessionFrame{id, SessionEnd{{Errc::none, {}, {}}, 0}}});
  REQUIRE(await([&] { return frames->size() == 65; }));
  for (std::uint64_t i = 0; i < 64; ++i) CHECK(std::get<SessionData>((*frames)[i].body).sequence == i);
  end({raw(sink)});
}

TEST_CASE_FIXTURE(Fixture,
                  "an agent finds its coordinator again after it, or the coordinator, was restarted") {
  const char* address = "127.0.0.1";
  SUBCASE("on loopback") {}
  SUBCASE("beyond it, by TLS") {
    address = "0.0.0.0";
  }
  auto coordinator = std::make_unique<Coordinator>(store, owners, key, 0, address);
  const auto port = coordinator->listener->port();
  const DialOptions options{"127.0.0.1", port, key};
  auto supervisor = std::make_shared<FakeSupervisor>();
  auto agent = std::make_unique<Agent>("n0", 1, options, supervisor);
  REQUIRE(settled(*agent, "n0"));
  for (std::uint64_t round = 1; round <= 3; ++round) {
    CAPTURE(round);
    {
      const std::lock_guard lock{guard};
      store->followers.clear();
    }
    coordinator.reset();
    REQUIRE(await([&] { return supervisor->incarnation == 0; }));
    commit({replica_change(2 * round, "n0")});
    coordinator = std::make_unique<Coordinator>(store, owners, key, port, address);
    REQUIRE(settled(*agent, "n0"));

    agent.reset();
    commit({replica_change(2 * round + 1, "n0")});
    agent = std::make_unique<Agent>("n0", round + 1, options, supervisor);
    REQUIRE(settled(*agent, "n0"));
    CHECK(supervisor->incarnation == round + 1);
  }
}

TEST_CASE_FIXTURE(
    Fixture, "an agent that ends what it was given harms no other, and the next one still finds a door") {
  Coordinator coordinator{store, owners, key};
  const DialOptions options{"127.0.0.1", coordinator.listener->port(), key};
  Agent agent{"n0", 1, options, std::make_shared<FakeSupervisor>()};
  REQUIRE(settled(agent, "n0"));
  {
    NetworkConfig config;
    caf::actor_system rogue{config};
    Dialer dialer{rogue, options, rogue.message_types<door_actor>()};
    const auto door = dial(dialer);
    REQUIRE(door);
    caf::scoped_actor self{rogue};
    self->monitor(*door);
    caf::anon_send_exit(*door, caf::exit_reason::kill);
    self->receive([](const caf::down_msg&) {});
  }
  Agent late{"n1", 2, options, std::make_shared<FakeSupervisor>()};
  CHECK(settled(late, "n1"));
  commit({replica_change(0, "n0")});
  CHECK(settled(agent, "n0"));
  CHECK(agent.supervisor->downs == 0);
}

TEST_CASE_FIXTURE(Fixture, "who does not know the secret never reaches CAF") {
  const char* address = "127.0.0.1";
  SUBCASE("on loopback") {}
  SUBCASE("beyond it, by TLS") {
    address = "0.0.0.0";
  }
  Coordinator coordinator{store, owners, key, 0, address};
  const auto port = coordinator.listener->port();
  const auto interface = coordinator.edge_system.message_types<door_actor>();
  NetworkConfig config;
  caf::actor_system system{config};
  auto refused = [&](PrefaceKey wrong) {
    Dialer dialer{system, {"127.0.0.1", port, std::move(wrong)}, interface};
    const auto found = dial(dialer);
    REQUIRE_FALSE(found);
    return found.error().code;
  };
  CHECK(refused(some_key()) == Errc::permission_denied);
  CHECK(refused({key.secret, kRingPurpose}) == Errc::permission_denied);
  CHECK(coordinator.listener->counts().accepted == 0);
  CHECK(coordinator.listener->counts().refused == 2);

  // A BASP header that announces 4 GB, which grows CAF's own port to that size, and other strangers' first
  // words.
  const auto before = resident_kib();
  std::string basp(32, '\0');
  basp[5] = basp[6] = basp[7] = basp[8] = '\xff';
  for (const auto& words : {basp + std::string(48, '\xff'), std::string(4096, '\xff'),
                            "GET / HTTP/1.1\r\nUser-Agent: " + std::string(80, "x"[0]) + "\r\n\r\n",
                            std::string(kProofBytes, '\0')}) {
    for (int i = 0; i < 5; ++i) {
      const auto socket = stranger(port);
      REQUIRE(::send(socket.fd(), words.data(), words.size(), MSG_NOSIGNAL) > 0);
      CHECK(closes(socket));
    }
  }
  CHECK(coordinator.listener->counts().accepted == 0);
  CHECK(resident_kib() < before + (64 << 10));

  Dialer dialer{system, {"127.0.0.1", port, key}, interface};
  CHECK(dial(dialer));
  CHECK(coordinator.listener->counts().accepted == 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "silent connections are closed, at the deadline or for others, and keep nobody out") {
  NetworkConfig config;
  caf::actor_system system{config};
  const auto edge = spawn_edge(system);
  std::vector<Socket> silent;
  SUBCASE("at the deadline") {
    auto listener = *Listener::open(system, {"127.0.0.1", 0, key, 100, 100}, edge.door);
    for (int i = 0; i < 12; ++i) silent.push_back(stranger(listener->port()));
    for (const auto& socket : silent) CHECK(closes(socket));
    CHECK(listener->counts().timed_out == 12);
  }
  SUBCASE("for others") {
    constexpr Millis kNever = 3'600'000;
    auto listener = *Listener::open(system, {"127.0.0.1", 0, key, kNever, 4}, edge.door);
    for (int i = 0; i < 12; ++i) silent.push_back(stranger(listener->port()));
    Dialer dialer{system, {"127.0.0.1", listener->port(), key, 20000}, system.message_types<door_actor>()};
    CHECK(dial(dialer));
    for (int i = 0; i < 9; ++i) CHECK(closes(silent[static_cast<std::size_t>(i)]));
    CHECK(listener->counts().timed_out == 9);
    CHECK(listener->counts().accepted == 1);
  }
  SUBCASE("but not those who know the secret already") {
    constexpr Millis kNever = 3'600'000;
    auto listener = *Listener::open(system, {"0.0.0.0", 0, key, kNever, 4}, edge.door);
    const auto known = stranger(listener->port());
    std::string greeted(kGreetingBytes, '\0'), last(kConfirmationBytes, '\0');
    REQUIRE(::recv(known.fd(), greeted.data(), greeted.size(), MSG_WAITALL) == ssize_t{kGreetingBytes});
    const auto proven = *proof(key, greeted, std::string(kNonceBytes, 'n'));
    REQUIRE(::send(known.fd(), proven.data(), proven.size(), MSG_NOSIGNAL) == ssize_t{kProofBytes});
    REQUIRE(::recv(known.fd(), last.data(), last.size(), MSG_WAITALL) == ssize_t{kConfirmationBytes});
    for (int i = 0; i < 12; ++i) silent.push_back(stranger(listener->port()));
    for (int i = 0; i < 9; ++i) CHECK(closes(silent[static_cast<std::size_t>(i)]));
    TlsSession session(TlsSession::Side::client, known.fd(), channel_key(key, greeted, proven));
    CHECK(session.handshake() == TlsSession::Progress::done);
    CHECK(await([&] { return listener->counts().accepted == 1; }));
    CHECK(listener->counts().timed_out == 9);
  }
  end({raw(edge.bridge), raw(edge.door)});
}

/// A port that greets as a coordinator does, without TLS, and on every address.
TEST_CASE_FIXTURE(Fixture, "beyond this machine nothing is dialled that does not encrypt") {
  Socket server{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in any{};
  any.sin_family = AF_INET;
  REQUIRE(::bind(server.fd(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
  REQUIRE(::listen(server.fd(), 1) == 0);
  socklen_t size = sizeof any;
  REQUIRE(::getsockname(server.fd(), reinterpret_cast<sockaddr*>(&any), &size) == 0);
  std::thread greets([&] {
    const Socket peer{::accept(server.fd(), nullptr, nullptr)};
    const auto words = greeting(std::string(kNonceBytes, 'n'), Channel::plain);
    CHECK(::send(peer.fd(), words.data(), words.size(), MSG_NOSIGNAL) > 0);
    std::array<char, kProofBytes> bytes{};
    CHECK(::recv(peer.fd(), bytes.data(), bytes.size(), 0) == 0);  // it says nothing, and goes
  });
  NetworkConfig config;
  caf::actor_system system{config};
  {
    // Not loopback to the dialer, and yet this machine.
    Dialer dialer{system, {"0.0.0.0", ntohs(any.sin_port), key}, system.message_types<door_actor>()};
    const auto found = dial(dialer);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Errc::failed_precondition);
    CHECK(found.error().message.find("does not encrypt") != std::string::npos);
  }
  greets.join();
}

TEST_CASE_FIXTURE(Fixture, "an address that is not this machine's, or is taken, is said") {
  NetworkConfig config;
  caf::actor_system system{config};
  const auto edge = spawn_edge(system);
  // An address for documentation, which is nobody's.
  const auto elsewhere = Listener::open(system, {"192.0.2.1", 0, key}, edge.door);
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().code == Errc::unavailable);
  CHECK(elsewhere.error().message.find("give an address that this machine has") != std::string::npos);
  CHECK(Listener::open(system, {"no such host", 0, key}, edge.door).error().code == Errc::not_found);
  auto first = Listener::open(system, {"127.0.0.1", 0, key}, edge.door);
  REQUIRE(first);
  const auto second = Listener::open(system, {"127.0.0.1", (*first)->port(), key}, edge.door);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::unavailable);
  CHECK(second.error().message.find("is another one running?") != std::string::npos);
  end({raw(edge.bridge), raw(edge.door)});
}

TEST_CASE_FIXTURE(
    Fixture,
    "the ring port gives its handles to a gateway, which then talks to the owners over the network") {
  Coordinator coordinator{store, owners, key};
  Agent agent{"n0", 1, {"127.0.0.1", coordinator.listener->port(), key}, std::make_shared<FakeSupervisor>()};
  REQUIRE(settled(agent, "n0"));
  Ring ring;
  ring.workload_state = coordinator.workload_state;
  ring.node_membership = coordinator.membership;
  ring.link_hub = coordinator.hub;
  const auto ring_door = spawn_ring_door(coordinator.control, ring);
  const PrefaceKey ring_key{random_bytes(32), kRingPurpose};
  auto listener = *Listener::open(coordinator.control, {"127.0.0.1", 0, ring_key}, ring_door);

  NetworkConfig config;
  caf::actor_system gateway{config};
  Dialer wrong_port{
      gateway, {"127.0.0.1", coordinator.listener->port(), key}, gateway.message_types<ring_door_actor>()};
  CHECK(dial(wrong_port).error().code == Errc::failed_precondition);
  Dialer dialer{gateway, {"127.0.0.1", listener->port(), ring_key}, gateway.message_types<ring_door_actor>()};
  const auto found = dial(dialer);
  REQUIRE(found);
  caf::scoped_actor self{gateway};
  Ring remote;
  self->request(caf::actor_cast<ring_door_actor>(*found), 10s, hello_atom_v, std::string{"a gateway"})
      .receive(
          [&](const store_actor& store, const workload_state_actor& state,
              const node_membership_actor& membership, const link_hub_actor& hub, const events_actor& events,
              const secrets_actor& secrets) { remote = {store, state, membership, hub, events, secrets}; },
          [](const caf::error& error) { FAIL(to_string(error)); });
  CHECK_FALSE(remote.store);
  self->request(remote.workload_state, 10s, Carried<NodeReport>{NodeReport{NodeId{"n0"}, 1, {}}})
      .receive([](const Carried<ReportAck>& ack) { CHECK(ack->revision == 7); },
               [](const caf::error& error) { FAIL(to_string(error)); });

  // A session from the gateway's sink through the hub to the agent, and back.
  auto frames = std::make_shared<std::vector<SessionFrame>>();
  auto sink = spawn_sink(gateway, frames);
  const SessionId id{"s"};
  self->send(remote.link_hub,
             Carried<SessionFrame>{SessionFrame{id, SessionOpen{NodeId{"n0"}, LogQuery{}, 1000}}}, sink);
  REQUIRE(await([&] { return agent.supervisor->sessions.size() == 1; }));
  caf::anon_send(agent.link, Carried<SessionFrame>{SessionFrame{id, SessionData{0, {}, "hello", false}}});
  REQUIRE(await([&] { return frames->size() == 1; }));
  end({raw(sink)});
  REQUIRE(await([&] { return agent.supervisor->sessions.size() == 2; }));
  CHECK(std::holds_alternative<SessionCancel>(agent.supervisor->sessions[1].body));
  end({raw(ring_door)});
}

}  // namespace
}  // namespace cloudless::node_link::test
