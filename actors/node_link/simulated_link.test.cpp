// Hub, edge and agent links in one system on the test scheduler, joined by simulated wires.
#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <caf/scheduler/test_coordinator.hpp>
#include <deque>
#include <random>

#include "actors/node_link/agent_link_actor.hpp"
#include "actors/node_link/edge_actor.hpp"
#include "actors/node_link/link_fixture.test.hpp"
#include "actors/node_link/link_hub_actor.hpp"
#include "actors/node_link/simulated_wire.hpp"
#include "messages/domain/node_trouble.hpp"

namespace cloudless::node_link::test {
namespace {

using namespace std::chrono_literals;

class TestClock final : public Clock {
 public:
  explicit TestClock(caf::scheduler::test_coordinator& scheduler) : scheduler_(scheduler) {}
  Millis steady() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(scheduler_.clock().now().time_since_epoch())
        .count();
  }
  WallMillis wall() const override { return steady(); }

 private:
  caf::scheduler::test_coordinator& scheduler_;
};

struct TestConfig : caf::actor_system_config {
  TestConfig() {
    register_messages(*this);
    set("scheduler.policy", caf::atom("testing"));
  }
};

/// A coordinator's link side: can crash and come back over the same store.
struct Coordinator {
  Edge edge;
  link_hub_actor hub;
};

struct Agent {
  std::string name;
  std::uint64_t boots = 0;
  std::shared_ptr<FakeSupervisor> supervisor = std::make_shared<FakeSupervisor>();
  runtime_supervisor_actor supervisor_handle;
  std::unique_ptr<SimulatedWire> wire;
  agent_link_actor link;
};

class Cluster {
 public:
  explicit Cluster(std::size_t agents, std::uint64_t seed = 1)
      : scheduler(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())),
        clock(scheduler),
        random(seed) {
    spdlog::set_level(spdlog::level::off);
    store->commit({cluster_change("c1"), workload_change(), version_change()});
    start_coordinator();
    for (std::size_t i = 0; i < agents; ++i) {
      Agent agent;
      agent.name = "n" + std::to_string(i);
      agent.wire = std::make_unique<SimulatedWire>(system, random());
      this->agents.push_back(std::move(agent));
      start_agent(this->agents.back());
      this->agents.back().wire->set_door(coordinator.edge.door);
    }
  }

  ~Cluster() {
    for (auto& agent : agents) stop_agent(agent);
    stop_coordinator();
    for (auto* handle : {&membership_raw, &workload_state_raw, &source_raw})
      caf::anon_send_exit(*handle, caf::exit_reason::kill);
    store->followers.clear();
    agents.clear();
    coordinator = {};
    source = nullptr;
    membership = nullptr;
    workload_state = nullptr;
    membership_raw = workload_state_raw = source_raw = nullptr;
    scheduler.run();
  }

  void start_coordinator() {
    coordinator.edge = spawn_edge(system);
    coordinator.hub =
        spawn_link_hub(system, source, workload_state, membership, coordinator.edge.bridge, clock);
    for (auto& agent : agents) agent.wire->set_door(coordinator.edge.door);
  }
  void stop_coordinator() {
    for (auto& agent : agents) {
      agent.wire->set_door({});
      agent.wire->cut();
    }
    store->followers.clear();
    caf::anon_send_exit(coordinator.hub, caf::exit_reason::kill);
    caf::anon_send_exit(coordinator.edge.bridge, caf::exit_reason::kill);
    caf::anon_send_exit(coordinator.edge.door, caf::exit_reason::kill);
    coordinator = {};
  }
  void start_agent(Agent& agent) {
    agent.supervisor_handle = spawn_supervisor(system, agent.supervisor);
    AgentIdentity identity;
    identity.description.id = NodeId{agent.name};
    identity.boot_id = ++agent.boots;
    identity.seed = random();
    agent.link = spawn_agent_link(system, agent.supervisor_handle, *agent.wire, identity, clock);
  }
  void stop_agent(Agent& agent) {
    agent.wire->cut();
    caf::anon_send_exit(agent.link, caf::exit_reason::kill);
    caf::anon_send_exit(agent.supervisor_handle, caf::exit_reason::kill);
    agent.link = nullptr;
    agent.supervisor_handle = nullptr;
    agent.supervisor->link = nullptr;
    agent.supervisor->incarnation = 0;
  }

  /// Runs messages in seeded order, with time passing between them, for this long.
  void run(std::chrono::milliseconds time) {
    const auto end = scheduler.clock().now() + time;
    while (scheduler.clock().now() < end) {
      if (!scheduler.jobs.empty() && random() % 8 != 0) {
        std::swap(scheduler.jobs.front(), scheduler.jobs[random() % scheduler.jobs.size()]);
        scheduler.try_run_once();
      } else {
        scheduler.advance_time(std::chrono::microseconds{random() % 20000});
      }
    }
  }
  bool run_until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 60s) {
    const auto end = scheduler.clock().now() + limit;
    while (!condition()) {
      if (scheduler.clock().now() >= end) return false;
      run(10ms);
    }
    return true;
  }
  bool settled(const Agent& agent) const {
    const NodeId node{agent.name};
    return agent.supervisor->incarnation != 0 &&
           same_content(agent.supervisor->set, test::assignment_set(*store->snapshot, node));
  }
  bool all_settled() const {
    return std::all_of(agents.begin(), agents.end(), [this](const Agent& agent) { return settled(agent); });
  }

  TestConfig config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler;
  TestClock clock;
  std::mt19937_64 random;
  std::shared_ptr<FakeStore> store = std::make_shared<FakeStore>();
  std::shared_ptr<FakeOwners> owners = std::make_shared<FakeOwners>();
  source_actor source = spawn_store(system, store);
  node_membership_actor membership = spawn_membership(system, owners);
  workload_state_actor workload_state = spawn_workload_state(system, owners);
  caf::strong_actor_ptr membership_raw = caf::actor_cast<caf::strong_actor_ptr>(membership);
  caf::strong_actor_ptr workload_state_raw = caf::actor_cast<caf::strong_actor_ptr>(workload_state);
  caf::strong_actor_ptr source_raw = caf::actor_cast<caf::strong_actor_ptr>(source);
  Coordinator coordinator;
  std::deque<Agent> agents;
};

TEST_CASE("a node that joins is welcomed, gets its whole set, and then every change") {
  Cluster cluster(1);
  auto& agent = cluster.agents[0];
  cluster.store->commit({replica_change(0, "n0"), replica_change(1, "other")});
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  REQUIRE(agent.supervisor->set.assignments.size() == 1);
  CHECK(agent.supervisor->set.assignments[0].pod.image == "busybox");
  CHECK(agent.supervisor->set.assignments[0].workload_name == "web");
  CHECK(agent.supervisor->on_disk.cluster_id == "c1");

  cluster.store->commit({replica_change(2, "n0")});
  REQUIRE(cluster.run_until([&] { return agent.supervisor->set.assignments.size() == 2; }, 200ms));
  cluster.store->commit({replica_change(0, "n0", Phase::running, StopCause::scale)});
  REQUIRE(cluster.run_until([&] { return agent.supervisor->set.assignments[0].stop == StopCause::scale; },
                            200ms));
  cluster.store->commit({replica_change(0, "n0", Phase::stopped, StopCause::scale)});
  REQUIRE(cluster.run_until([&] { return agent.supervisor->set.assignments.size() == 1; }, 200ms));
  CHECK(agent.supervisor->downs == 0);
}

TEST_CASE("what is amiss with the machine is said over the living link, until it is heard") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Cluster cluster(1, seed);
    auto& agent = cluster.agents[0];
    REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
    const auto taints = [&] { return cluster.owners->described[NodeId{"n0"}].taints; };
    CHECK(taints().empty());
    const Taint runtime{kRuntimeAwayTaint, "", TaintEffect::no_schedule};
    const Taint disk{kDiskNotWritableTaint, "", TaintEffect::no_schedule};
    caf::anon_send(agent.link, MachineSeen{false, true});
    REQUIRE(cluster.run_until([&] { return taints() == std::vector{runtime}; }));
    caf::anon_send(agent.link, MachineSeen{false, false});
    REQUIRE(cluster.run_until([&] { return taints() == std::vector{runtime, disk}; }));
    caf::anon_send(agent.link, MachineSeen{true, false});
    REQUIRE(cluster.run_until([&] { return taints() == std::vector{disk}; }));
    caf::anon_send(agent.link, MachineSeen{true, true});
    REQUIRE(cluster.run_until([&] { return taints().empty(); }));
    CHECK(agent.supervisor->downs == 0);
    CHECK(agent.supervisor->ups == 1);
  }
}

/// An agent of no manners: sends what the test tells it to, as itself.
struct Rogue {
  link_peer_actor handle;
  std::shared_ptr<std::vector<std::string>> heard = std::make_shared<std::vector<std::string>>();
};

Rogue spawn_rogue(caf::actor_system& system) {
  Rogue rogue;
  rogue.handle =
      system.spawn([heard = rogue.heard](link_peer_actor::pointer) -> link_peer_actor::behavior_type {
        return {[heard](frame_atom, const std::string& bytes) { heard->push_back(bytes); }};
      });
  return rogue;
}

/// Knocks at the door with these bytes; the peer, or the error's code.
Result<link_peer_actor> knock(Cluster& cluster, const link_peer_actor& agent, const std::string& bytes) {
  std::optional<Result<link_peer_actor>> answer;
  auto knocker = cluster.system.spawn([&](caf::event_based_actor* self) {
    self->request(cluster.coordinator.edge.door, 5s, hello_atom_v, agent, bytes)
        .then([&](const link_peer_actor& peer) { answer = peer; },
              [&](const caf::error& error) { answer = fail(from_caf(error)); });
  });
  REQUIRE(cluster.run_until([&] { return answer.has_value(); }));
  return *answer;
}

std::string hello_of(const char* name, std::uint64_t boot_id = 99) {
  Hello hello;
  hello.description.id = NodeId{name};
  hello.boot_id = boot_id;
  return codec::encode(LinkFrame{hello});
}

TEST_CASE("the door opens to a Hello with a name and to nothing else") {
  Cluster cluster(0);
  const auto rogue = spawn_rogue(cluster.system);
  for (const auto& bytes : {std::string{}, std::string(300, '\xff'), codec::encode(LinkFrame{Lease{1, 1, 1}}),
                            hello_of(""), std::string(kMaxFrameBytes + 1, 'x')}) {
    const auto answer = knock(cluster, rogue.handle, bytes);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Errc::invalid_argument);
  }
  CHECK(knock(cluster, rogue.handle, hello_of("n5")));
  CHECK(cluster.run_until([&] { return cluster.owners->registered.contains(NodeId{"n5"}); }));
  caf::anon_send_exit(rogue.handle, caf::exit_reason::kill);
}

TEST_CASE("a connection speaks for its own node, and only its own agent speaks through it") {
  Cluster cluster(1);
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  const auto rogue = spawn_rogue(cluster.system);
  const auto peer = knock(cluster, rogue.handle, hello_of("n5"));
  REQUIRE(peer);
  REQUIRE(cluster.run_until([&] { return rogue.heard->size() >= 2; }));  // Welcome and its set
  auto as_rogue = [&](const LinkFrame& frame) {
    caf::send_as(caf::actor_cast<caf::actor>(rogue.handle), *peer, frame_atom_v, codec::encode(frame));
  };
  Hello other;
  other.description.id = NodeId{"n0"};
  other.boot_id = 666;
  as_rogue(other);
  as_rogue(NodeReport{NodeId{"n0"}, 1, {{ReplicaId{"web-0123456789-0"}, 1}}});
  // Somebody who learned of the peer, but is not its agent.
  caf::anon_send(*peer, frame_atom_v,
                 codec::encode(LinkFrame{NodeReport{NodeId{"n5"}, 1, {{ReplicaId{"web-0123456789-0"}, 1}}}}));
  cluster.run(3s);
  CHECK(cluster.owners->registered[NodeId{"n0"}].first == 1);
  CHECK(cluster.owners->reports.empty());
  CHECK(cluster.agents[0].supervisor->downs == 0);
  as_rogue(NodeReport{NodeId{"n5"}, 1, {{ReplicaId{"web-0123456789-0"}, 1}}});
  CHECK(cluster.run_until([&] { return cluster.owners->reports.size() == 1; }));
  caf::anon_send_exit(rogue.handle, caf::exit_reason::kill);
}

TEST_CASE("a newer connection of a node takes the place of the older one") {
  Cluster cluster(1);
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  const auto rogue = spawn_rogue(cluster.system);
  const auto peer = knock(cluster, rogue.handle, hello_of("n0"));
  REQUIRE(peer);
  // The agent that was there loses its link and comes back with a newer one, which ends the rogue's.
  REQUIRE(cluster.run_until([&] { return cluster.agents[0].supervisor->downs == 1; }));
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  caf::send_as(caf::actor_cast<caf::actor>(rogue.handle), *peer, frame_atom_v,
               codec::encode(LinkFrame{NodeReport{NodeId{"n0"}, 2, {{ReplicaId{"web-0123456789-0"}, 1}}}}));
  cluster.run(1s);
  CHECK(cluster.owners->reports.empty());
  caf::anon_send_exit(rogue.handle, caf::exit_reason::kill);
}

TEST_CASE("a commit that does not concern a node sends it nothing") {
  Cluster cluster(1);
  cluster.store->commit({replica_change(0, "n0")});
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  cluster.run(3s);
  const auto taken = cluster.agents[0].supervisor->sets_taken;
  cluster.store->commit({replica_change(1, "elsewhere")});
  cluster.store->commit({replica_change(0, "n0", Phase::running)});
  cluster.run(5s);
  CHECK(cluster.agents[0].supervisor->sets_taken == taken);
}

TEST_CASE("leases reach node_membership at their interval and are acknowledged") {
  Cluster cluster(1);
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  const auto before = cluster.owners->leases["n0"];
  cluster.run(10s);
  const auto leases = cluster.owners->leases["n0"] - before;
  CHECK(leases >= 15);
  CHECK(leases <= 21);
  CHECK(cluster.agents[0].supervisor->downs == 0);
}

TEST_CASE("leases say how long the way to the coordinator and back takes") {
  Cluster cluster(2);
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  cluster.agents[1].wire->set_faults({0, 0, 1'000'000, 900});
  const auto said = [&](const char* node) { return cluster.owners->round_trips[node]; };
  REQUIRE(cluster.run_until([&] { return said("n1") > 100; }));
  cluster.run(5s);
  // The test's time passes in steps of at most 20 ms.
  CHECK(said("n0") <= 60);
  CHECK(said("n1") <= 1800);
  cluster.agents[1].wire->set_faults({});
  REQUIRE(cluster.run_until([&] { return said("n1") <= 60; }));
}

TEST_CASE("a report is acknowledged; one of another node or incarnation is not taken") {
  Cluster cluster(1);
  auto& agent = cluster.agents[0];
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  NodeReport report{NodeId{"n0"}, agent.supervisor->incarnation, {}};
  report.replicas.push_back({ReplicaId{"web-0123456789-0"}, 4});
  auto foreign = report;
  foreign.node = NodeId{"n9"};
  auto stale = report;
  stale.incarnation += 1;
  for (const auto& sent : {foreign, stale, report}) caf::anon_send(agent.link, Carried<NodeReport>{sent});
  REQUIRE(cluster.run_until([&] { return !agent.supervisor->acks.empty(); }));
  cluster.run(1s);
  REQUIRE(agent.supervisor->acks.size() == 1);
  CHECK(agent.supervisor->acks[0].items[0].sequence == 4);
  REQUIRE(cluster.owners->reports.size() == 1);
  CHECK(cluster.owners->reports[0] == report);
}

TEST_CASE("a refused node keeps asking, slowly, and joins once it may") {
  Cluster cluster(1);
  cluster.owners->refused.insert(NodeId{"n0"});
  cluster.run(20s);
  CHECK(cluster.agents[0].supervisor->ups == 0);
  CHECK(cluster.agents[0].wire->counts().dialed >= 4);
  CHECK(cluster.agents[0].wire->counts().dialed <= 20);
  cluster.owners->refused.clear();
  CHECK(cluster.run_until([&] { return cluster.all_settled(); }));
}

TEST_CASE("sessions carry frames both ways and end with the client, the node's link or the node's word") {
  Cluster cluster(1);
  auto& agent = cluster.agents[0];
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  auto frames = std::make_shared<std::vector<SessionFrame>>();
  auto sink = spawn_sink(cluster.system, frames);
  auto from_gateway = [&](SessionFrame frame) {
    caf::anon_send(cluster.coordinator.hub, Carried<SessionFrame>{std::move(frame)}, sink);
  };
  auto from_agent = [&](SessionFrame frame) {
    caf::anon_send(agent.link, Carried<SessionFrame>{std::move(frame)});
  };
  const SessionId id{"s1"};
  from_gateway({id, SessionOpen{NodeId{"n0"}, LogQuery{}, 1000}});
  REQUIRE(cluster.run_until([&] { return agent.supervisor->sessions.size() == 1; }));

  SUBCASE("data comes in order, credit goes back, the end closes it") {
    for (std::uint64_t i = 0; i < 20; ++i)
      from_agent({id, SessionData{i, {}, std::string(60000, 'x'), false}});
    from_agent({id, SessionEnd{{Errc::none, {}, {}}, 3}});
    REQUIRE(cluster.run_until([&] { return frames->size() == 21; }));
    for (std::uint64_t i = 0; i < 20; ++i) CHECK(std::get<SessionData>((*frames)[i].body).sequence == i);
    CHECK(std::get<SessionEnd>(frames->back().body).exit_code == 3);
    from_agent({id, SessionData{20, {}, "late", false}});
    REQUIRE(cluster.run_until([&] { return agent.supervisor->sessions.size() == 2; }));
    CHECK(std::holds_alternative<SessionCancel>(agent.supervisor->sessions[1].body));
    CHECK(frames->size() == 21);
  }
  SUBCASE("credit is passed on") {
    from_gateway({id, SessionCredit{77}});
    REQUIRE(cluster.run_until([&] { return agent.supervisor->sessions.size() == 2; }));
    CHECK(std::get<SessionCredit>(agent.supervisor->sessions[1].body).bytes == 77);
  }
  SUBCASE("input, size and signals arrive in order, the agent's word of what it took goes back") {
    const std::string piece(60'000, 'i');
    for (std::uint64_t i = 0; i < 20; ++i) from_gateway({id, SessionInput{i, piece, i == 19}});
    from_gateway({id, SessionResize{{80, 24}}});
    from_gateway({id, SessionSignal{15}});
    REQUIRE(cluster.run_until([&] { return agent.supervisor->sessions.size() == 23; }));
    std::uint64_t expected = 0;
    for (const auto& frame : agent.supervisor->sessions)
      if (const auto* input = std::get_if<SessionInput>(&frame.body)) CHECK(input->sequence == expected++);
    CHECK(expected == 20);
    from_agent({id, SessionTaken{60'000}});
    REQUIRE(cluster.run_until([&] { return frames->size() == 1; }));
    CHECK(std::get<SessionTaken>(frames->back().body).bytes == 60'000);
  }
  SUBCASE("what a node says that nobody knows ends it with INVALID_ARGUMENT on both sides") {
    from_agent({id, SessionUnknown{}});
    REQUIRE(cluster.run_until([&] { return frames->size() == 1 && agent.supervisor->sessions.size() == 2; }));
    CHECK(std::get<SessionEnd>(frames->back().body).error.code == Errc::invalid_argument);
    CHECK(std::holds_alternative<SessionCancel>(agent.supervisor->sessions[1].body));
  }
  SUBCASE("a client that leaves cancels it") {
    caf::anon_send_exit(sink, caf::exit_reason::kill);
    REQUIRE(cluster.run_until([&] { return agent.supervisor->sessions.size() == 2; }));
    CHECK(std::holds_alternative<SessionCancel>(agent.supervisor->sessions[1].body));
  }
  SUBCASE("a link that is gone ends it with UNAVAILABLE") {
    agent.wire->cut();
    REQUIRE(cluster.run_until([&] { return frames->size() == 1; }));
    CHECK(std::get<SessionEnd>(frames->back().body).error.code == Errc::unavailable);
  }
  SUBCASE("a node without a link is UNAVAILABLE at once") {
    from_gateway({SessionId{"s2"}, SessionOpen{NodeId{"n7"}, LogQuery{}, 1000}});
    REQUIRE(cluster.run_until([&] { return frames->size() == 1; }));
    CHECK(frames->back().session == SessionId{"s2"});
    CHECK(std::get<SessionEnd>(frames->back().body).error.code == Errc::unavailable);
  }
  caf::anon_send_exit(sink, caf::exit_reason::kill);
}

TEST_CASE("a pulled cable is noticed by unanswered leases, and the link comes back with it") {
  Cluster cluster(1);
  auto& agent = cluster.agents[0];
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  agent.wire->set_silent(true);
  REQUIRE(cluster.run_until([&] { return agent.supervisor->downs == 1; }, 5s));
  cluster.store->commit({replica_change(5, "n0")});
  cluster.run(5s);
  CHECK(agent.supervisor->incarnation == 0);
  agent.wire->set_silent(false);
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }, 10s));
}

TEST_CASE("a restarted coordinator or agent finds its way back") {
  Cluster cluster(2);
  cluster.store->commit({replica_change(0, "n0"), replica_change(1, "n1")});
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
  cluster.stop_coordinator();
  cluster.run(3s);
  cluster.store->commit({replica_change(2, "n0")});
  cluster.start_coordinator();
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }, 10s));

  auto& agent = cluster.agents[0];
  const auto incarnation = agent.supervisor->incarnation;
  cluster.stop_agent(agent);
  cluster.run(1s);
  cluster.store->commit({replica_change(3, "n0")});
  cluster.start_agent(agent);
  REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }, 10s));
  CHECK(agent.supervisor->incarnation == incarnation + 1);
}

TEST_CASE(
    "whatever the wire loses, delays, repeats and reorders, and whoever restarts, sets arrive once it "
    "stops") {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    Cluster cluster(3, seed);
    for (auto& agent : cluster.agents) agent.wire->set_faults({200'000, 200'000, 300'000, 1500});
    std::uint64_t ordinal = 0;
    for (int step = 0; step < 60; ++step) {
      auto& agent = cluster.agents[cluster.random() % cluster.agents.size()];
      switch (cluster.random() % 12) {
        case 0:
          agent.wire->cut();
          break;
        case 1:
          agent.wire->set_silent(true);
          break;
        case 2:
          cluster.stop_agent(agent);
          cluster.run(std::chrono::milliseconds{cluster.random() % 2000});
          cluster.start_agent(agent);
          break;
        case 3:
          cluster.stop_coordinator();
          cluster.run(std::chrono::milliseconds{cluster.random() % 2000});
          cluster.start_coordinator();
          break;
        case 4:
          for (auto& other : cluster.agents) other.wire->set_silent(false);
          break;
        case 5:
        case 6:
          cluster.store->commit(
              {replica_change(cluster.random() % (ordinal + 1), agent.name, Phase::stopped)});
          break;
        default:
          cluster.store->commit({replica_change(ordinal++, agent.name)});
      }
      cluster.run(std::chrono::milliseconds{cluster.random() % 800});
    }
    for (auto& agent : cluster.agents) {
      agent.wire->set_faults({});
      agent.wire->set_silent(false);
    }
    REQUIRE(cluster.run_until([&] { return cluster.all_settled(); }));
    // And it stays so: no link flaps, no set is sent for ever.
    cluster.run(5s);
    const auto downs = cluster.agents[0].supervisor->downs;
    const auto taken = cluster.agents[0].supervisor->sets_taken;
    cluster.run(30s);
    CHECK(cluster.agents[0].supervisor->downs == downs);
    CHECK(cluster.agents[0].supervisor->sets_taken == taken);
    CHECK(cluster.all_settled());
  }
}

}  // namespace
}  // namespace cloudless::node_link::test
