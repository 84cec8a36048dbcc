#include "actors/node_membership/node_membership_actor.hpp"

#include <doctest/doctest.h>

#include "actors/node_membership/link_times.hpp"
#include "actors/owner/owner_fixture.test.hpp"

namespace cloudless {
namespace {

using owner::Answer;
using owner::code_of;
using owner::value_of;
using Life = owner::OwnerLife<node_membership_actor>;
using Frame = Carried<LinkFrame>;

constexpr Millis kInterval = 100;
constexpr Millis kDuration = 1000;
using node_membership::kSteadyFor;

class NodeMembershipTest {
 public:
  NodeMembershipTest() { start(); }
  void start() {
    life.reset();
    life = std::make_unique<Life>(
        contents, clock, [](caf::actor_system& system, const store_actor& store, const Clock& time) {
          return spawn_node_membership(system, store, time, MembershipPolicy{kInterval, kDuration});
        });
    life->pass(10);
  }

  static Hello hello(const std::string& id, std::uint64_t boot_id = 1,
                     const std::string& machine = "machine-1") {
    Hello out;
    out.description.id = NodeId{id};
    out.description.machine_uid = machine;
    out.description.capacity = out.description.allocatable = {1000, 1 << 30, 0, 0, 0};
    out.boot_id = boot_id;
    return out;
  }
  /// The answer to a hello, after a few milliseconds.
  LinkFrame greet(const Hello& h) {
    const auto answer = life->ask<Frame>(Frame(LinkFrame{h}));
    life->pass(10);
    REQUIRE(code_of(answer) == Errc::none);
    return value_of(answer);
  }
  std::uint64_t join(const Hello& h) {
    const LinkFrame frame = greet(h);
    REQUIRE(std::holds_alternative<Welcome>(frame));
    return std::get<Welcome>(frame).incarnation;
  }
  Answer<Carried<NodeReply>> cordon(const std::string& id, const std::string& key = {}) {
    const NodeCommand command{{"someone", "CordonNode", "", key, "h"}, CordonNode{NodeId{id}, true, 0}};
    const auto answer = life->ask<Carried<NodeReply>>(Carried<NodeCommand>(command));
    life->pass(10);
    return answer;
  }
  void lease(const std::string& id, std::uint64_t incarnation, std::uint32_t rtt_ms = 0) {
    caf::anon_send(life->owner, lease_atom::value, id, incarnation, rtt_ms);
    life->deliver();
  }
  std::shared_ptr<const Node> node(const std::string& id) { return life->published()->node(NodeId{id}); }

  std::shared_ptr<store::MemoryContents> contents = std::make_shared<store::MemoryContents>();
  owner::VirtualClock clock;
  std::unique_ptr<Life> life;
};

TEST_CASE_FIXTURE(NodeMembershipTest, "a hello is welcomed when the registration is durable") {
  const auto answer = life->ask<Frame>(Frame(LinkFrame{hello("n1", 7)}));
  CHECK_FALSE(answer->has_value());
  life->pass(10);
  REQUIRE(code_of(answer) == Errc::none);
  const auto& welcome = std::get<Welcome>(value_of(answer));
  CHECK(welcome.boot_id == 7);
  CHECK(welcome.incarnation == 1);
  CHECK(welcome.lease_interval == kInterval);
  CHECK(welcome.lease_duration == kDuration);
  CHECK(welcome.cluster_id == life->published()->cluster_id());
  CHECK(node("n1")->state == NodeState::ready);
}

TEST_CASE_FIXTURE(NodeMembershipTest, "an agent process keeps its incarnation, a new one gets the next") {
  CHECK(join(hello("n1", 7)) == 1);
  CHECK(join(hello("n1", 7)) == 1);
  CHECK(join(hello("n1", 8)) == 2);
  start();
  CHECK(join(hello("n1", 8)) == 2);
  CHECK(join(hello("n1", 9)) == 3);
}

TEST_CASE_FIXTURE(NodeMembershipTest,
                  "a second machine may take a name only when the first one's lease is over") {
  join(hello("n1", 7, "machine-1"));
  const LinkFrame refused = greet(hello("n1", 8, "machine-2"));
  REQUIRE(std::holds_alternative<Refused>(refused));
  CHECK(std::get<Refused>(refused).error.code == Errc::already_exists);
  life->pass(kDuration + kInterval);
  CHECK(join(hello("n1", 8, "machine-2")) == 2);
}

TEST_CASE_FIXTURE(
    NodeMembershipTest,
    "a silent node is SUSPECT after half its lease, OFFLINE at the end, READY when it is heard again") {
  const auto incarnation = join(hello("n1"));
  const auto ready = node("n1");
  for (int i = 0; i < 30; ++i) {
    life->pass(kInterval);
    lease("n1", incarnation);
  }
  CHECK(node("n1")->revision == ready->revision);
  life->pass(kDuration / 2 + 2 * kInterval);
  CHECK(node("n1")->state == NodeState::suspect);
  CHECK(node("n1")->reason != "");
  life->pass(kDuration / 2);
  CHECK(node("n1")->state == NodeState::offline);
  CHECK(node("n1")->schedulable_revision > ready->schedulable_revision);

  lease("n1", incarnation + 1);
  life->pass(2 * kInterval);
  CHECK(node("n1")->state == NodeState::offline);
  lease("n1", incarnation);
  life->pass(2 * kInterval);
  CHECK(node("n1")->state == NodeState::ready);
  CHECK(node("n1")->reason == "");
}

TEST_CASE_FIXTURE(NodeMembershipTest,
                  "the round trip of a link gets into the record when leases agree on it") {
  const auto incarnation = join(hello("n1"));
  const auto before = node("n1");
  const auto hear = [&](std::uint32_t rtt_ms, Millis time) {
    for (Millis passed = 0; passed < time; passed += kInterval) {
      lease("n1", incarnation, rtt_ms);
      life->pass(kInterval);
    }
  };
  hear(40, kSteadyFor / 2);
  CHECK(node("n1")->link_rtt_ms == 0);
  lease("n1", incarnation + 1, 900);  // of another process: not taken
  hear(41, kSteadyFor);
  CHECK(node("n1")->link_rtt_ms == 41);
  CHECK(node("n1")->revision > before->revision);
  CHECK(node("n1")->schedulable_revision == before->schedulable_revision);
  const auto noted = node("n1");
  for (int i = 0; i < 20; ++i) hear(i % 2 == 0 ? 36 : 48, kInterval);
  CHECK(node("n1")->revision == noted->revision);
}

TEST_CASE_FIXTURE(NodeMembershipTest,
                  "a coordinator that starts gives every node a full lease, and asks to be heard") {
  join(hello("n1"));
  life->pass(kDuration / 2 + 2 * kInterval);
  REQUIRE(node("n1")->state == NodeState::suspect);
  clock.elapsed += 10 * kDuration;
  start();
  life->pass(kDuration / 2 - 2 * kInterval);
  CHECK(node("n1")->state == NodeState::suspect);
  SUBCASE("heard: READY") {
    lease("n1", 1);
    life->pass(2 * kInterval);
    CHECK(node("n1")->state == NodeState::ready);
  }
  SUBCASE("not heard: OFFLINE at the end") {
    life->pass(kDuration / 2);
    CHECK(node("n1")->state == NodeState::suspect);
    life->pass(4 * kInterval);
    CHECK(node("n1")->state == NodeState::offline);
  }
}

TEST_CASE_FIXTURE(NodeMembershipTest,
                  "cordoning is answered once per idempotency key, also after a restart") {
  join(hello("n1"));
  const auto first = cordon("n1", "k1");
  REQUIRE(code_of(first) == Errc::none);
  CHECK(value_of(first).node.cordoned);
  const NodeCommand undo{{"someone", "UncordonNode", "", "k2", "h"}, CordonNode{NodeId{"n1"}, false, 0}};
  life->ask<Carried<NodeReply>>(Carried<NodeCommand>(undo));
  life->pass(10);
  REQUIRE_FALSE(node("n1")->cordoned);
  start();
  const auto again = cordon("n1", "k1");
  REQUIRE(code_of(again) == Errc::none);
  CHECK(value_of(again).node == value_of(first).node);
  CHECK_FALSE(node("n1")->cordoned);
}

TEST_CASE_FIXTURE(NodeMembershipTest,
                  "a registration that could not be stored is not welcomed, and the next one is") {
  contents->next_commit_fails = {Errc::resource_exhausted, "the disk is full", {}};
  const auto answer = life->ask<Frame>(Frame(LinkFrame{hello("n1")}));
  life->pass(10);
  CHECK(code_of(answer) != Errc::none);
  CHECK(node("n1") == nullptr);
  CHECK(join(hello("n1")) == 1);
}

TEST_CASE_FIXTURE(NodeMembershipTest,
                  "since when a node evicts is store time: downtime and what others committed count so") {
  join(hello("n1"));
  const auto taint = [&](const std::string& key) {
    UpdateNode update{NodeId{"n1"}, {}, {}, {{key, "", TaintEffect::no_execute}}, {}, 0};
    const NodeCommand command{{"someone", "UpdateNode", "", "", "h"}, std::move(update)};
    const auto answer = life->ask<Carried<NodeReply>>(Carried<NodeCommand>(command));
    life->pass(10);
    REQUIRE(code_of(answer) == Errc::none);
    return node("n1")->no_execute_since.at(key);
  };
  const Millis first = taint("one");
  life->pass(500);
  const Millis second = taint("two");
  CHECK(second >= first + 500);
  CHECK(second <= first + 600);
  clock.elapsed += 10 * kDuration;
  start();
  join(hello("n1"));
  const Millis third = taint("three");
  CHECK(third >= second);
  CHECK(third <= second + 100);
  CHECK(node("n1")->no_execute_since.at("one") == first);
}

}  // namespace
}  // namespace cloudless
