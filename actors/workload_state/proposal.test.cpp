#include "actors/workload_state/proposal.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

/// Judges proposals on what the builder made, and keeps what was accepted.
class ProposalTest {
 public:
  /// The codes of the answers, in order.
  std::vector<Errc> propose(std::vector<ProposalItem> items) {
    if (!judged) head = b.view();
    judged = true;
    owner::Plan plan(head);
    answers = apply(plan, Proposal{"test", head.revision(), std::move(items)}, {900, 5000, 7000},
                    [](const Workload&) { return false; });
    units = plan.take_units();
    head = plan.now();
    std::vector<Errc> out;
    for (const auto& answer : answers) {
      out.push_back(answer.code);
      CHECK((answer.code == Errc::none) == answer.message.empty());
    }
    return out;
  }
  Errc propose_one(ProposalItem item) { return propose({std::move(item)}).front(); }
  static ReplicaId id(std::uint64_t ordinal) { return SnapshotBuilder::id("web", ordinal); }
  Replica replica(std::uint64_t ordinal) const { return *head.replica(id(ordinal)); }
  Revision guard(const std::string& node) const { return b.view().node(NodeId{node})->schedulable_revision; }
  AssignReplica assign(std::uint64_t ordinal, const std::string& node) const {
    return {id(ordinal), NodeId{node}, guard(node)};
  }

  const WorkloadUid web = SnapshotBuilder::uid("web");
  SnapshotBuilder b;
  Snapshot head;
  bool judged = false;
  std::vector<Error> answers;
  std::vector<owner::CommitUnit> units;
};

TEST_CASE_FIXTURE(ProposalTest,
                  "added replicas are PENDING, numbered from the workload's next ordinal, and added once") {
  b.workload("web");
  CHECK(propose_one(AddReplicas{web, 1, 0, 3}) == Errc::none);
  REQUIRE(head.replicas_of(web).size() == 3);
  CHECK(replica(2).phase == Phase::pending);
  CHECK(replica(2).version == 1);
  CHECK(replica(2).created_at == 5000);
  CHECK(head.workload(web)->next_ordinal == 3);
  CHECK(head.workload(web)->revision == b.view().workload(web)->revision);

  CHECK(propose_one(AddReplicas{web, 1, 0, 3}) == Errc::aborted);
  CHECK(units.empty());
  CHECK(propose_one(AddReplicas{web, 2, 3, 1}) == Errc::aborted);
  CHECK(propose_one(AddReplicas{web, 1, 3, 0}) == Errc::invalid_argument);
  CHECK(propose_one(AddReplicas{web, 1, 3, 101}) == Errc::invalid_argument);
  CHECK(propose_one(AddReplicas{SnapshotBuilder::uid("none"), 1, 0, 1}) == Errc::not_found);
}

TEST_CASE_FIXTURE(ProposalTest, "a deleted workload gets no more replicas") {
  b.workload("web").remove_workload("web");
  CHECK(propose_one(AddReplicas{web, 1, 0, 1}) == Errc::failed_precondition);
}

TEST_CASE_FIXTURE(ProposalTest,
                  "every unit of a large addition moves the next ordinal past its own replicas") {
  b.workload("web");
  CHECK(propose({AddReplicas{web, 1, 0, 100}, AddReplicas{web, 1, 100, 100}}) ==
        std::vector{Errc::none, Errc::none});
  CHECK(units.size() == 3);
  Snapshot stored = b.view();
  for (const auto& unit : units) {
    CHECK(unit.changes.size() <= owner::kMaxUnitChanges);
    for (const auto& change : unit.changes) stored.apply(change);
    CHECK(stored.workload(web)->next_ordinal == stored.replicas_of(web).size());
  }
  CHECK(stored.replicas_of(web).size() == 200);
}

TEST_CASE_FIXTURE(ProposalTest, "an assignment names its node, which must not change until it is committed") {
  b.node("n1").workload("web").replica("web", [](Replica& r) { r.reason = "no room"; });
  CHECK(propose_one(assign(0, "n1")) == Errc::none);
  CHECK(replica(0).phase == Phase::assigned);
  CHECK(replica(0).node == NodeId{"n1"});
  CHECK(replica(0).reason.empty());
  REQUIRE(units.size() == 1);
  CHECK(units[0].preconditions == std::vector<Precondition>{{node_key(NodeId{"n1"}), guard("n1")}});
  CHECK(propose_one(assign(0, "n1")) == Errc::aborted);
}

TEST_CASE_FIXTURE(ProposalTest,
                  "an assignment is refused unless the node is as it was, READY and not cordoned") {
  b.node("ready").node("cordoned", [](Node& n) { n.cordoned = true; });
  b.node("suspect", [](Node& n) { n.state = NodeState::suspect; }).node("off", [](Node& n) {
    n.state = NodeState::offline;
  });
  b.workload("web").replica("web").replica("web", SnapshotBuilder::ended(Phase::stopped));
  CHECK(propose_one(assign(0, "cordoned")) == Errc::failed_precondition);
  CHECK(propose_one(assign(0, "suspect")) == Errc::failed_precondition);
  CHECK(propose_one(assign(0, "off")) == Errc::failed_precondition);
  CHECK(propose_one(AssignReplica{id(0), NodeId{"none"}, 1}) == Errc::not_found);
  CHECK(propose_one(AssignReplica{id(0), NodeId{"ready"}, guard("ready") - 1}) == Errc::aborted);
  CHECK(propose_one(AssignReplica{id(7), NodeId{"ready"}, guard("ready")}) == Errc::not_found);
  CHECK(propose_one(assign(1, "ready")) == Errc::aborted);
  CHECK(units.empty());
  CHECK(propose_one(assign(0, "ready")) == Errc::none);
}

TEST_CASE_FIXTURE(ProposalTest, "a node is never given more than it has, also within one batch") {
  b.node("n1").workload("web", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 300; });
  b.replica("web", SnapshotBuilder::running("n1")).replica("web", [](Replica& r) {
    SnapshotBuilder::ended(Phase::stopped)(r);
    r.node = NodeId{"n1"};
  });
  b.replica("web").replica("web").replica("web");
  CHECK(propose({assign(2, "n1"), assign(3, "n1"), assign(4, "n1")}) ==
        std::vector{Errc::none, Errc::none, Errc::failed_precondition});
  CHECK(answers[2].message.find("cpu_millicores 300 wanted, 100 free") != std::string::npos);
  CHECK(propose_one(assign(4, "n1")) == Errc::failed_precondition);
}

TEST_CASE_FIXTURE(ProposalTest, "a GPU is given once, and a share of it as far as it goes") {
  b.node("n1", [](Node& n) { n.description.allocatable.gpu_count = 2; });
  b.workload("web", [](WorkloadSpec& s) { s.pod.requests = {1, 1, 0, 0, 0, 600}; });
  for (int i = 0; i < 4; ++i) b.replica("web");
  const auto on = [&](std::uint64_t ordinal, std::vector<std::uint8_t> gpus) {
    auto item = assign(ordinal, "n1");
    item.gpus = std::move(gpus);
    return item;
  };
  CHECK(propose({on(0, {0}), on(1, {0}), on(1, {2}), on(1, {}), on(1, {0, 1}), on(1, {1}), on(2, {1})}) ==
        std::vector<Errc>{Errc::none, Errc::failed_precondition, Errc::failed_precondition,
                          Errc::failed_precondition, Errc::failed_precondition, Errc::none,
                          Errc::failed_precondition});
  CHECK(replica(1).gpus == std::vector<std::uint8_t>{1});
}

TEST_CASE_FIXTURE(ProposalTest, "a gang gets all its places or none, in one unit") {
  b.node("n1").node("n2").workload("web", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 600; });
  b.replica("web").replica("web").replica("web");
  CHECK(propose_one(AssignGang{{assign(0, "n1"), assign(1, "n2"), assign(2, "n2")}}) ==
        Errc::failed_precondition);
  CHECK(units.empty());
  CHECK(replica(0).phase == Phase::pending);
  CHECK(propose({AssignGang{{assign(0, "n1"), assign(1, "n2")}}, assign(2, "n1")}) ==
        std::vector<Errc>{Errc::none, Errc::failed_precondition});
  REQUIRE(units.size() == 1);
  CHECK(replica(0).phase == Phase::assigned);
  CHECK(replica(1).node == NodeId{"n2"});
}

TEST_CASE_FIXTURE(ProposalTest,
                  "a place is taken from a replica only for one of strictly higher priority that waits") {
  b.node("n1").workload("web", [](WorkloadSpec& s) { s.rollout.min_available = 0; });
  b.replica("web", [](Replica& r) { r.phase = Phase::running, r.node = NodeId{"n1"}; });
  b.workload("vip", [](WorkloadSpec& s) { s.priority = 10; }).replica("vip");
  b.workload("equal").replica("equal");
  const auto evict = [&](const char* winner) {
    return propose_one(StopReplica{id(0), StopCause::preempted, SnapshotBuilder::id(winner, 0)});
  };
  CHECK(evict("equal") == Errc::failed_precondition);
  CHECK(evict("none") == Errc::not_found);
  CHECK(evict("vip") == Errc::none);
  CHECK(replica(0).stop == StopCause::preempted);
  CHECK(replica(0).preempted_for == SnapshotBuilder::id("vip", 0));
}

TEST_CASE_FIXTURE(ProposalTest, "a replica leaves a node for a taint when it tolerates it no longer") {
  b.node("n1", [](Node& n) {
    n.taints = {{"old", "", TaintEffect::no_execute}};
    n.no_execute_since["old"] = 5000;
  });
  b.workload("web", [](WorkloadSpec& s) {
    s.rollout.min_available = 0;
    s.pod.placement.tolerations = {{"old", "", {}, 3}};
  });
  b.replica("web", [](Replica& r) { r.phase = Phase::running, r.node = NodeId{"n1"}; });
  CHECK(propose_one(StopReplica{id(0), StopCause::taint}) == Errc::failed_precondition);
  b.node("n1", [](Node& n) { n.no_execute_since["old"] = 4000; });
  judged = false;
  CHECK(propose_one(StopReplica{id(0), StopCause::taint}) == Errc::none);
}

TEST_CASE_FIXTURE(ProposalTest, "each replica reserves what its own version asks for") {
  b.node("n1").workload("web", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 900; }).replica("web");
  b.workload("web", [](WorkloadSpec& s) { s.pod.requests.cpu_millicores = 50; })
      .replica("web")
      .replica("web")
      .replica("web");
  CHECK(propose({assign(0, "n1"), assign(1, "n1"), assign(2, "n1"), assign(3, "n1")}) ==
        std::vector{Errc::none, Errc::none, Errc::none, Errc::failed_precondition});
}

TEST_CASE_FIXTURE(ProposalTest, "a pending replica is explained, in at most 1024 bytes of whole characters") {
  b.node("n1").workload("web").replica("web").replica("web", SnapshotBuilder::running("n1"));
  CHECK(propose_one(ExplainPending{id(0), "no node has room"}) == Errc::none);
  CHECK(replica(0).reason == "no node has room");
  CHECK(propose_one(ExplainPending{id(0), "no node has room"}) == Errc::none);
  CHECK(units.empty());
  CHECK(propose_one(ExplainPending{id(0), std::string(1023, 'x') + "\u00e4"}) == Errc::none);
  CHECK(replica(0).reason == std::string(1023, 'x'));
  CHECK(propose_one(ExplainPending{id(1), "why"}) == Errc::aborted);
  CHECK(propose_one(ExplainPending{id(9), "why"}) == Errc::not_found);
}

TEST_CASE_FIXTURE(ProposalTest, "a stop takes a replica as far as it is") {
  b.node("up").node("off", [](Node& n) { n.state = NodeState::offline; });
  b.workload("web", [](WorkloadSpec& s) { s.replicas = 0; });
  b.replica("web")
      .replica("web", SnapshotBuilder::running("up"))
      .replica("web", SnapshotBuilder::running("off"))
      .replica("web", SnapshotBuilder::running("gone"));
  for (std::uint64_t i = 0; i < 4; ++i)
    CHECK(propose_one(StopReplica{id(i), StopCause::scale}) == Errc::none);
  CHECK(replica(0).phase == Phase::stopped);
  CHECK(replica(1).phase == Phase::running);
  CHECK(replica(1).stop == StopCause::scale);
  CHECK(replica(2).phase == Phase::running);
  CHECK(replica(3).phase == Phase::lost);
  // Repeats change nothing; giving up the node still does.
  for (std::uint64_t i = 0; i < 4; ++i)
    CHECK(propose_one(StopReplica{id(i), StopCause::scale}) == Errc::none);
  CHECK(units.empty());
  CHECK(propose_one(StopReplica{id(1), StopCause::node_lost}) == Errc::failed_precondition);
  CHECK(propose_one(StopReplica{id(2), StopCause::node_lost}) == Errc::none);
  CHECK(replica(2).phase == Phase::lost);
  CHECK(replica(2).stop == StopCause::scale);
}

TEST_CASE_FIXTURE(ProposalTest, "a stop is refused when its cause does not hold") {
  b.node("up").node("off", [](Node& n) { n.state = NodeState::offline; });
  b.workload("web", [](WorkloadSpec& s) {
    s.replicas = 2;
    s.rollout.min_available = 0;
  });
  b.replica("web", SnapshotBuilder::running("up")).replica("web", SnapshotBuilder::running("off"));
  CHECK(propose_one(StopReplica{id(0), StopCause::none}) == Errc::invalid_argument);
  CHECK(propose_one(StopReplica{id(0), StopCause::deleted}) == Errc::failed_precondition);
  CHECK(propose_one(StopReplica{id(0), StopCause::node_lost}) == Errc::failed_precondition);
  CHECK(propose_one(StopReplica{id(0), StopCause::scale}) == Errc::failed_precondition);
  CHECK(propose_one(StopReplica{id(0), StopCause::rollout}) == Errc::failed_precondition);
  CHECK(propose_one(StopReplica{id(0), StopCause::recreate}) == Errc::failed_precondition);
  CHECK(propose_one(StopReplica{id(9), StopCause::scale}) == Errc::not_found);
  CHECK(units.empty());
  CHECK(propose_one(StopReplica{id(1), StopCause::node_lost}) == Errc::none);
  REQUIRE(units.size() == 1);
  CHECK(units[0].preconditions == std::vector<Precondition>{{node_key(NodeId{"off"}), guard("off")}});
}

TEST_CASE_FIXTURE(ProposalTest, "a rolling step takes no more than the floor leaves") {
  b.node("n1").workload("web", [](WorkloadSpec& s) {
    s.replicas = 3;
    s.rollout.max_unavailable = IntOrPercent{1, false};
  });
  for (int i = 0; i < 3; ++i) b.replica("web", SnapshotBuilder::running("n1"));
  b.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; });
  CHECK(propose({StopReplica{id(0), StopCause::rollout}, StopReplica{id(1), StopCause::rollout},
                 StopReplica{id(2), StopCause::rollout}}) ==
        std::vector{Errc::none, Errc::failed_precondition, Errc::failed_precondition});
  REQUIRE(units.size() == 1);
  CHECK(units[0].preconditions == std::vector<Precondition>{{node_key(NodeId{"n1"}), guard("n1")}});
  CHECK(propose_one(StopReplica{id(1), StopCause::rollout}) == Errc::failed_precondition);
}

TEST_CASE_FIXTURE(ProposalTest, "only what has ended is forgotten") {
  b.node("n1")
      .workload("web")
      .replica("web", SnapshotBuilder::running("n1"))
      .replica("web", SnapshotBuilder::ended(Phase::lost));
  CHECK(propose({ForgetReplica{id(0)}, ForgetReplica{id(1)}, ForgetReplica{id(1)}}) ==
        std::vector{Errc::failed_precondition, Errc::none, Errc::none});
  CHECK(head.replica(id(1)) == nullptr);
  CHECK(head.workload(web)->next_ordinal == 2);
}

TEST_CASE_FIXTURE(ProposalTest, "a workload is forgotten with its versions when it is deleted and empty") {
  b.workload("web").replica("web", SnapshotBuilder::ended(Phase::stopped));
  b.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; });
  CHECK(propose_one(ForgetWorkload{web}) == Errc::failed_precondition);
  head.apply(put(std::make_shared<const Workload>([&] {
    Workload w = *head.workload(web);
    w.deleted = true;
    return w;
  }())));
  CHECK(propose_one(ForgetWorkload{web}) == Errc::failed_precondition);
  CHECK(propose({ForgetReplica{id(0)}, ForgetWorkload{web}, ForgetWorkload{web}}) ==
        std::vector{Errc::none, Errc::none, Errc::none});
  CHECK(head.workload(web) == nullptr);
  CHECK(head.versions_of(web).empty());
}

TEST_CASE_FIXTURE(ProposalTest, "a version is kept while it is current or a replica has it") {
  b.workload("web").replica("web", SnapshotBuilder::ended(Phase::stopped));
  b.workload("web", [](WorkloadSpec& s) { s.pod.image = "image:2"; });
  CHECK(propose_one(ForgetVersion{web, 1}) == Errc::failed_precondition);
  CHECK(propose_one(ForgetVersion{web, 2}) == Errc::failed_precondition);
  CHECK(propose({ForgetReplica{id(0)}, ForgetVersion{web, 1}, ForgetVersion{web, 1}}) ==
        std::vector{Errc::none, Errc::none, Errc::none});
  CHECK(head.version(web, 1) == nullptr);
}

}  // namespace
}  // namespace cloudless::workload_state
