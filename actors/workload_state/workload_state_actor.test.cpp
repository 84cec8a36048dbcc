#include "actors/workload_state/workload_state_actor.hpp"

#include <doctest/doctest.h>

#include <random>

#include "actors/owner/owner_fixture.test.hpp"

namespace cloudless {
namespace {

using owner::Answer;
using owner::code_of;
using owner::value_of;
using Life = owner::OwnerLife<workload_state_actor>;
using Reply = Carried<CommandReply>;

class WorkloadStateTest {
 public:
  WorkloadStateTest() { start(); }
  void start() {
    life.reset();
    life = std::make_unique<Life>(contents, clock,
                                  [](caf::actor_system& system, const store_actor& store, const Clock& time) {
                                    return spawn_workload_state(system, store, time);
                                  });
  }
  void start_and_load() {
    start();
    life->pass(10);
  }

  Answer<Reply> command(const WorkloadCommand& c) { return life->ask<Reply>(Carried<WorkloadCommand>(c)); }
  static WorkloadCommand create(const std::string& name, const std::string& key = {},
                                const std::string& hash = "h") {
    WorkloadSpec spec;
    spec.pod.image = "web:1";
    return {{"someone", "CreateWorkload", "default", key, hash}, CreateWorkload{"default", name, spec}};
  }
  static WorkloadCommand scale(const std::string& name, std::uint32_t replicas, const std::string& key = {}) {
    return {{"someone", "ScaleWorkload", "default", key, std::to_string(replicas)},
            ScaleWorkload{"default", name, replicas, 0}};
  }
  Answer<Carried<ProposalAnswer>> propose(std::vector<ProposalItem> items) {
    return life->ask<Carried<ProposalAnswer>>(Carried<Proposal>(Proposal{"test", 0, std::move(items)}));
  }
  static Change node(const std::string& id, Revision schedulable) {
    Node n;
    n.description.id = NodeId{id};
    n.description.allocatable = {1000, 1 << 30, 0, 0, 0};
    n.incarnation = 1;
    n.revision = n.schedulable_revision = schedulable;
    return put(std::make_shared<const Node>(std::move(n)));
  }

  std::shared_ptr<store::MemoryContents> contents = std::make_shared<store::MemoryContents>();
  owner::VirtualClock clock;
  std::unique_ptr<Life> life;
};

TEST_CASE_FIXTURE(WorkloadStateTest, "workload_state is UNAVAILABLE until the store has answered") {
  const auto early = command(create("web"));
  CHECK(code_of(early) == Errc::unavailable);
  life->pass(10);
  const auto later = command(create("web"));
  life->pass(10);
  CHECK(code_of(later) == Errc::none);
}

TEST_CASE_FIXTURE(WorkloadStateTest, "a create is answered when it is durable, and not before") {
  life->pass(10);
  const auto answer = command(create("web"));
  CHECK_FALSE(answer->has_value());
  life->pass(10);
  REQUIRE(code_of(answer) == Errc::none);
  const CommandReply& reply = value_of(answer);
  CHECK(reply.workload.name == "web");
  CHECK(reply.store_revision == life->published()->revision());
  start_and_load();
  REQUIRE(life->published()->workload("default", "web") != nullptr);
  CHECK(*life->published()->workload("default", "web") == reply.workload);
}

TEST_CASE_FIXTURE(WorkloadStateTest, "a command sees what is in flight before it") {
  life->pass(10);
  const auto first = command(create("web"));
  const auto second = command(create("web"));
  const auto third = command(scale("web", 3));
  const auto same = command(scale("web", 3));
  CHECK(code_of(second) == Errc::already_exists);
  CHECK_FALSE(same->has_value());
  life->pass(10);
  CHECK(code_of(first) == Errc::none);
  REQUIRE(code_of(third) == Errc::none);
  REQUIRE(code_of(same) == Errc::none);
  CHECK(value_of(third).workload.spec.replicas == 3);
  CHECK(value_of(same).store_revision == value_of(third).store_revision);
}

TEST_CASE_FIXTURE(WorkloadStateTest, "a request under one idempotency key is carried out once") {
  life->pass(10);
  const auto first = command(create("web", "k1"));
  const auto in_flight = command(create("web", "k1"));
  const auto other = command(create("web2", "k1", "another hash"));
  CHECK(code_of(other) == Errc::invalid_argument);
  life->pass(10);
  REQUIRE(code_of(first) == Errc::none);
  REQUIRE(code_of(in_flight) == Errc::none);
  CHECK(value_of(in_flight).workload == value_of(first).workload);

  const auto scaled = command(scale("web", 5, "k2"));
  life->pass(10);
  REQUIRE(code_of(scaled) == Errc::none);
  const auto noop = command(scale("web", 5, "k3"));
  life->pass(10);
  REQUIRE(code_of(noop) == Errc::none);

  SUBCASE("within one life") {}
  SUBCASE("after a restart") {
    start_and_load();
  }
  const auto again = command(create("web", "k1"));
  REQUIRE(code_of(again) == Errc::none);
  CHECK(value_of(again).workload == value_of(first).workload);
  CHECK(value_of(again).store_revision >= value_of(first).store_revision);
  CHECK(code_of(command(create("web2", "k1", "another hash"))) == Errc::invalid_argument);
  CHECK(code_of(command(scale("web", 5, "k3"))) == Errc::none);
  CHECK(life->published()->workload("default", "web2") == nullptr);
}

TEST_CASE_FIXTURE(WorkloadStateTest, "an idempotency key is free again after a day") {
  life->pass(10);
  const auto first = command(create("web", "k1"));
  life->pass(10);
  REQUIRE(code_of(first) == Errc::none);
  clock.elapsed += 24LL * 3600 * 1000;
  const auto later = command(create("web2", "k1", "another hash"));
  life->pass(10);
  CHECK(code_of(later) == Errc::none);
}

TEST_CASE_FIXTURE(WorkloadStateTest,
                  "a failed request frees its idempotency key and reaches those who waited for it") {
  life->pass(10);
  contents->next_commit_fails = {Errc::resource_exhausted, "the disk is full", {}};
  const auto first = command(create("web", "k1"));
  const auto waiting = command(create("web", "k1"));
  life->pass(10);
  CHECK(code_of(first) != Errc::none);
  CHECK(code_of(waiting) == code_of(first));
  const auto again = command(create("web", "k1"));
  life->pass(10);
  CHECK(code_of(again) == Errc::none);
}

TEST_CASE_FIXTURE(
    WorkloadStateTest,
    "when a commit fails, everything on top of it fails and the owner goes on from what is stored") {
  life->pass(10);
  const auto kept = command(create("kept"));
  life->pass(10);
  REQUIRE(code_of(kept) == Errc::none);
  contents->next_commit_fails = {Errc::resource_exhausted, "the disk is full", {}};
  const auto first = command(create("web"));
  const auto second = command(scale("web", 2));
  life->pass(10);
  CHECK(code_of(first) != Errc::none);
  CHECK(code_of(second) != Errc::none);
  CHECK(life->published()->workload("default", "web") == nullptr);
  CHECK(code_of(command(scale("web", 2))) == Errc::not_found);
  const auto again = command(create("web"));
  life->pass(10);
  REQUIRE(code_of(again) == Errc::none);
  CHECK(value_of(again).workload.revision > value_of(kept).workload.revision);
}

TEST_CASE_FIXTURE(WorkloadStateTest, "an assignment fails when its node changes on the way to the store") {
  life->pass(10);
  command(create("web"));
  life->commit("node_membership", {node("n1", 1)});
  life->pass(10);
  const auto uid = life->published()->workload("default", "web")->uid;
  const auto added = propose({AddReplicas{uid, 1, 0, 1}});
  life->pass(10);
  REQUIRE(code_of(added) == Errc::none);
  CHECK(value_of(added).judged_at == life->published()->revision());
  const AssignReplica assign{replica_id("web", uid, 0), NodeId{"n1"}, 1};

  // In the store, not published yet: the owner still sees the node as it was.
  life->commit("node_membership", {node("n1", 2)});
  const auto late = propose({assign});
  CHECK(code_of(late) == Errc::aborted);
  life->pass(10);
  CHECK(life->published()->replica(assign.replica)->phase == Phase::pending);

  const auto stale = propose({assign});
  REQUIRE(code_of(stale) == Errc::none);
  CHECK(value_of(stale).items[0].code == Errc::aborted);
  const auto fresh = propose({AssignReplica{assign.replica, assign.node, 2}});
  life->pass(10);
  REQUIRE(code_of(fresh) == Errc::none);
  CHECK(value_of(fresh).items[0].code == Errc::none);
  CHECK(life->published()->replica(assign.replica)->node == NodeId{"n1"});
}

TEST_CASE_FIXTURE(WorkloadStateTest, "what only falls with an earlier commit is judged again and answered") {
  life->pass(10);
  command(create("web"));
  life->commit("node_membership", {node("n1", 1)});
  life->pass(10);
  const auto uid = life->published()->workload("default", "web")->uid;
  propose({AddReplicas{uid, 1, 0, 1}});
  life->pass(10);
  life->commit("node_membership", {node("n1", 2)});
  // All are with the owner before it hears that the first one is refused.
  const auto proposal =
      Carried<Proposal>(Proposal{"test", 0, {AssignReplica{replica_id("web", uid, 0), NodeId{"n1"}, 1}}});
  const auto refused = life->send<Carried<ProposalAnswer>>(proposal);
  const auto on_top = life->send<Reply>(Carried<WorkloadCommand>(scale("web", 7, "k1")));
  const auto repeat = life->send<Reply>(Carried<WorkloadCommand>(scale("web", 7, "k1")));
  const auto late = life->send<Reply>(Carried<WorkloadCommand>(scale("web", 8)));
  life->deliver();
  CHECK(code_of(refused) == Errc::aborted);
  life->pass(10);
  CHECK(value_of(on_top).workload.spec.replicas == 7);
  CHECK(value_of(repeat).workload == value_of(on_top).workload);
  CHECK(value_of(late).workload.spec.replicas == 8);
  CHECK(life->published()->workload(uid)->spec.replicas == 8);
}

TEST_CASE_FIXTURE(WorkloadStateTest,
                  "a report is acknowledged when it is durable, and its repeat changes nothing") {
  life->pass(10);
  command(create("web"));
  life->commit("node_membership", {node("n1", 1)});
  life->pass(10);
  const auto uid = life->published()->workload("default", "web")->uid;
  const auto id = replica_id("web", uid, 0);
  propose({AddReplicas{uid, 1, 0, 1}, AssignReplica{id, NodeId{"n1"}, 1}});
  life->pass(10);
  ReplicaReport running;
  running.replica = id;
  running.sequence = 4;
  running.attempt = 1;
  running.phase = Phase::running;
  running.ready = true;
  const Carried<NodeReport> report(NodeReport{NodeId{"n1"}, 1, {running}});
  const auto ack = life->ask<Carried<ReportAck>>(report);
  const auto repeat = life->ask<Carried<ReportAck>>(report);
  CHECK_FALSE(ack->has_value());
  CHECK_FALSE(repeat->has_value());
  life->pass(10);
  REQUIRE(code_of(ack) == Errc::none);
  REQUIRE(code_of(repeat) == Errc::none);
  CHECK(value_of(ack).items == std::vector<ReportAck::Item>{{id, 4}});
  CHECK(value_of(ack).revision == life->published()->revision());
  CHECK(value_of(repeat) == value_of(ack));
  CHECK(life->published()->replica(id)->ready);
}

TEST_CASE_FIXTURE(WorkloadStateTest,
                  "deleting a workload of many replicas frees its name at once and stops all of them") {
  life->pass(10);
  command(create("web"));
  life->pass(10);
  const auto uid = life->published()->workload("default", "web")->uid;
  for (std::uint64_t first = 0; first < 500; first += 100) propose({AddReplicas{uid, 1, first, 100}});
  life->pass(50);
  REQUIRE(life->published()->replicas_of(uid).size() == 500);
  const auto deleted = command({{}, DeleteWorkload{"default", "web", 0}});
  const auto created = command(create("web"));
  life->pass(50);
  CHECK(code_of(deleted) == Errc::none);
  REQUIRE(code_of(created) == Errc::none);
  const auto now = life->published();
  CHECK(now->workload("default", "web")->uid != uid);
  CHECK(now->workload(uid)->deleted);
  for (const auto& replica : now->replicas_of(uid)) REQUIRE(replica->phase == Phase::stopped);
}

/// web-0 and web-1 serve on n1, and a follower of them has seen everything so far.
class FollowedTest : public WorkloadStateTest {
 public:
  FollowedTest() {
    life->pass(10);
    auto web = create("web");
    auto& spec = std::get<CreateWorkload>(web.action).spec;
    spec.replicas = 2;
    spec.pod.termination_grace = 3000;
    spec.rollout.min_available = 1;
    command(web);
    life->commit("node_membership", {node("n1", 1)});
    life->pass(10);
    uid = life->published()->workload("default", "web")->uid;
    propose({AddReplicas{uid, 1, 0, 2}, AssignReplica{id(0), NodeId{"n1"}, 1},
             AssignReplica{id(1), NodeId{"n1"}, 1}});
    life->pass(10);
    NodeReport report{NodeId{"n1"}, 1, {}};
    for (const std::uint64_t i : {0, 1}) {
      ReplicaReport running;
      running.replica = id(i);
      running.sequence = 1;
      running.attempt = 1;
      running.phase = Phase::running;
      running.ready = true;
      report.replicas.push_back(running);
    }
    life->ask<Carried<ReportAck>>(Carried<NodeReport>(report));
    life->pass(10);
    follow(life->published()->revision());
    command(scale("web", 1));
    life->pass(10);
  }
  ReplicaId id(std::uint64_t ordinal) const { return replica_id("web", uid, ordinal); }
  Replica replica(std::uint64_t ordinal = 0) { return *life->published()->replica(id(ordinal)); }
  void follow(Revision seen, Millis lease = 5000, const std::string& who = "balancer-1") {
    caf::anon_send(life->owner,
                   Carried<EndpointFollowing>(EndpointFollowing{who, "default", "web", seen, lease}));
    life->deliver();
  }
  /// The first half: it serves no longer.
  void withdraw(std::uint64_t ordinal = 0) {
    const auto answer = propose({StopReplica{id(ordinal), StopCause::scale}});
    life->pass(10);
    REQUIRE(code_of(answer) == Errc::none);
    REQUIRE(value_of(answer).items[0].code == Errc::none);
    REQUIRE(replica(ordinal).withdrawn == StopCause::scale);
    CHECK_FALSE(replica(ordinal).serving);
    CHECK(replica(ordinal).ready);
    CHECK_FALSE(replica(ordinal).stop_requested());
  }

  WorkloadUid uid;
};

TEST_CASE_FIXTURE(FollowedTest, "what serves stops when everybody who follows knows that it no longer does") {
  follow(1, 5000, "balancer-2");
  const Revision before = life->published()->revision();
  withdraw();
  life->pass(500);
  follow(life->published()->revision());
  follow(before, 5000, "balancer-2");
  life->pass(500);
  CHECK_FALSE(replica().stop_requested());
  follow(life->published()->revision(), 5000, "balancer-2");
  life->pass(10);
  CHECK(replica().stop == StopCause::scale);
  CHECK_FALSE(replica().ready);
  CHECK_FALSE(replica(1).is_leaving());
}

TEST_CASE_FIXTURE(FollowedTest, "a follower that leaves, or whose lease ends, holds up nobody") {
  withdraw();
  SUBCASE("it leaves") {
    follow(0, 0);
    life->pass(10);
  }
  SUBCASE("its lease ends") {
    follow(0, 700);
    life->pass(690);
    CHECK_FALSE(replica().stop_requested());
    life->pass(30);
  }
  CHECK(replica().stop == StopCause::scale);
}

TEST_CASE_FIXTURE(FollowedTest, "the grace period bounds the wait for a follower that never follows") {
  withdraw();
  const Millis withdrawn = clock.elapsed - 10;
  follow(0, 60'000);
  life->pass(2900);
  CHECK_FALSE(replica().stop_requested());
  life->pass(withdrawn + 3100 - clock.elapsed);
  CHECK(replica().stop == StopCause::scale);
}

TEST_CASE_FIXTURE(FollowedTest, "without followers a stop is one commit") {
  follow(0, 0);
  propose({StopReplica{id(0), StopCause::scale}});
  life->pass(10);
  CHECK(replica().stop == StopCause::scale);
  CHECK(replica().withdrawn == StopCause::none);
}

TEST_CASE_FIXTURE(FollowedTest, "a stop that waits goes on in the owner's next life") {
  withdraw();
  start_and_load();
  SUBCASE("followers have some time to say that they are there") {
    life->pass(2000);
    CHECK_FALSE(replica().stop_requested());
    follow(life->published()->revision());
    // Another one may not have been heard of yet; its patience ends with the grace period.
    life->pass(500);
    CHECK_FALSE(replica().stop_requested());
    life->pass(1000);
    CHECK(replica().stop == StopCause::scale);
  }
  SUBCASE("time while nobody kept it does not count") {
    clock.elapsed += 1'000'000;
    start_and_load();
    life->pass(2000);
    CHECK_FALSE(replica().stop_requested());
    life->pass(1500);
    CHECK(replica().stop == StopCause::scale);
  }
}

TEST_CASE_FIXTURE(FollowedTest, "when the second half fails on its way it is tried again") {
  withdraw();
  contents->next_commit_fails = {Errc::resource_exhausted, "the disk is full", {}};
  follow(life->published()->revision());
  life->pass(20);
  contents->next_commit_fails = {Errc::none, {}, {}};
  life->pass(1100);
  CHECK(replica().stop == StopCause::scale);
}

TEST_CASE_FIXTURE(FollowedTest, "right after a start a workload that was there is thought to be followed") {
  follow(0, 0);
  start_and_load();
  withdraw();
  life->pass(2900);
  CHECK_FALSE(replica().stop_requested());
  life->pass(200);
  CHECK(replica().stop == StopCause::scale);
}

TEST_CASE("whatever fails on the way, what was answered is stored and the owner agrees with the store") {
  int good = 0, bad = 0;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto pick = [&](std::uint64_t below) { return random() % below; };
    WorkloadStateTest t;
    t.life->pass(10);
    Revision schedulable = 0;
    std::vector<Answer<Reply>> created;
    for (int step = 0; step < 120; ++step) {
      const std::string name = "w" + std::to_string(pick(4));
      switch (pick(9)) {
        case 0:
          t.contents->next_commit_fails = {Errc::resource_exhausted, "the disk is full", {}};
          break;
        case 1:
          t.life->commit("node_membership", {WorkloadStateTest::node("n1", ++schedulable)});
          break;
        case 2:
          t.command({{}, DeleteWorkload{"default", name, 0}});
          break;
        case 3:
          t.command(WorkloadStateTest::scale(name, static_cast<std::uint32_t>(pick(5))));
          break;
        case 4: {
          const auto workload = t.life->published()->workload("default", name);
          if (!workload) break;
          const auto ordinal = workload->next_ordinal;
          t.propose({AddReplicas{workload->uid, 1, ordinal, 1},
                     AssignReplica{replica_id(name, workload->uid, ordinal), NodeId{"n1"}, schedulable}});
          break;
        }
        case 5:
          t.life->pass(static_cast<Millis>(pick(4)));
          break;
        default:
          created.push_back(t.command(WorkloadStateTest::create(name, std::to_string(step))));
          break;
      }
    }
    t.life->pass(50);
    t.contents->next_commit_fails = {Errc::none, {}, {}};
    const auto stored = t.life->published();
    for (const auto& answer : created) {
      REQUIRE(answer->has_value());
      ++(**answer ? good : bad);
      if (!**answer) continue;
      const auto workload = stored->workload(value_of(answer).workload.uid);
      REQUIRE(workload != nullptr);
    }
    for (int i = 0; i < 4; ++i) {
      const std::string name = "w" + std::to_string(i);
      const auto workload = stored->workload("default", name);
      const auto scaled = t.command(WorkloadStateTest::scale(name, 9));
      t.life->pass(10);
      CHECK(code_of(scaled) == (workload ? Errc::none : Errc::not_found));
      if (workload) CHECK(value_of(scaled).workload.uid == workload->uid);
    }
  }
  CHECK(good > 20);
  CHECK(bad > 50);
}

store_actor::behavior_type silent_store(store_actor::pointer self) {
  return {
      [self](commit_atom, const CommitRequestPtr&) -> caf::result<Revision> {
        return self->make_response_promise<Revision>();
      },
      [](follow_atom, const follower_actor&) {
        return CommitsPublished{0, std::make_shared<const std::vector<Commit>>(),
                                std::make_shared<const Snapshot>()};
      },
      [](range_atom, std::uint8_t, const std::string&, std::uint32_t) -> RecordsPtr {
        return std::make_shared<const std::vector<Record>>();
      },
      [](wire_atom, const wire_follower_actor&, Revision, std::uint64_t) -> caf::result<Revision> {
        return Revision{0};
      },
      [](credit_atom, const wire_follower_actor&, std::uint64_t) {},
  };
}

TEST_CASE("an owner whose store keeps silent ends, so that its process starts anew") {
  class Config : public caf::actor_system_config {
   public:
    Config() {
      register_messages(*this);
      set("scheduler.policy", caf::atom("testing"));
    }
  } config;
  owner::VirtualClock clock;
  bool ended = false;
  caf::actor_system system{config};
  auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  auto store = system.spawn(silent_store);
  {
    auto room = spawn_workload_state(system, store, clock);
    room->attach_functor([&ended] { ended = true; });
    scheduler.run();
    caf::anon_send(room, Carried<WorkloadCommand>(WorkloadStateTest::create("web")));
    scheduler.run();
    scheduler.advance_time(std::chrono::seconds(29));
    scheduler.run();
    CHECK_FALSE(ended);
    scheduler.advance_time(std::chrono::seconds(2));
    scheduler.run();
    CHECK(ended);
  }
  caf::anon_send_exit(store, caf::exit_reason::kill);
  scheduler.run();
}

}  // namespace
}  // namespace cloudless
