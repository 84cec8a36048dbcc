#include "actors/workload_state/status.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "messages/domain/node_trouble.hpp"
#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

class StatusTest {
 public:
  StatusTest() {
    b.node("n1").node("n2");
    b.workload("web", [](WorkloadSpec& s) { s.replicas = 2; });
  }
  WorkloadStatus status() const {
    return derive_status(b.view(), *b.view().workload(SnapshotBuilder::uid("web")));
  }
  std::string phase() const { return to_string(status().phase); }
  static std::function<void(Replica&)> in(Phase phase, const std::string& node = "n1",
                                          const std::string& reason = {}) {
    return [=](Replica& r) {
      r.phase = phase;
      r.node = NodeId{phase == Phase::pending ? "" : node};
      r.reason = reason;
    };
  }
  static std::function<void(Replica&)> up(const std::string& node = "n1") {
    return [=](Replica& r) {
      SnapshotBuilder::running(node)(r);
      r.started_at = 1000;
    };
  }
  static ReplicaId id(std::uint64_t ordinal) { return SnapshotBuilder::id("web", ordinal); }
  SnapshotBuilder b;
};

TEST_CASE_FIXTURE(StatusTest, "a workload comes up: PENDING, STARTING, RUNNING") {
  CHECK(phase() == "PENDING");
  b.replica("web").replica("web", in(Phase::pending, "", "no node has 100 cpu_millicores"));
  CHECK(phase() == "PENDING");
  CHECK(status().reason == "0 of 2 replicas ready; replica " + id(0).value + " is PENDING");
  b.change_replica(id(0), in(Phase::starting));
  CHECK(phase() == "PENDING");
  CHECK(status().reason.find("no node has 100 cpu_millicores") != std::string::npos);
  b.change_replica(id(1), in(Phase::assigned, "n2"));
  CHECK(phase() == "STARTING");
  b.change_replica(id(0), up());
  CHECK(phase() == "STARTING");
  CHECK(status().ready_replicas == 1);
  b.change_replica(id(1), up("n2"));
  const auto done = status();
  CHECK(phase() == "RUNNING");
  CHECK(done.reason.empty());
  CHECK(done.ready_replicas == 2);
  CHECK(done.updated_replicas == 2);
  CHECK(done.replicas_wanted == 2);
  CHECK(done.version == 1);
  CHECK(done.replicas.size() == 2);
}

TEST_CASE_FIXTURE(StatusTest, "a workload that wants no replicas is RUNNING") {
  b.workload("web", [](WorkloadSpec& s) { s.replicas = 0; });
  CHECK(phase() == "RUNNING");
}

TEST_CASE_FIXTURE(StatusTest, "an image that cannot be had is told, and is no degradation") {
  b.replica("web", in(Phase::backoff, "n1", "image web:1 not found"))
      .replica("web", in(Phase::backoff, "n2", "image web:1 not found"));
  CHECK(phase() == "STARTING");
  CHECK(status().reason.find("image web:1 not found") != std::string::npos);
}

TEST_CASE_FIXTURE(StatusTest,
                  "what waits for a node that is in trouble says so; a reason of its own goes first") {
  b.replica("web", in(Phase::assigned)).replica("web", up("n2"));
  CHECK(status().reason == "1 of 2 replicas ready; replica " + id(0).value + " is ASSIGNED");
  for (const char* taint : {kDiskNotWritableTaint, kRuntimeAwayTaint}) {
    b.node("n1", [&](Node& n) { n.taints = {{taint, "", TaintEffect::no_schedule}}; });
    const auto trouble = "node n1: " + trouble_of(*b.view().node(NodeId{"n1"}));
    CHECK(status().reason == "1 of 2 replicas ready; replica " + id(0).value + " is ASSIGNED: " + trouble);
    CHECK(status().replicas[0]->reason == trouble);
    CHECK(status().replicas[1]->reason.empty());
  }
  b.node("n2", [&](Node& n) { n.taints = {{kDiskNotWritableTaint, "", TaintEffect::no_schedule}}; });
  CHECK(status().replicas[1]->reason.empty());
  CHECK(status().ready_replicas == 1);
  b.change_replica(id(1), [](Replica& r) { r.stop = StopCause::scale; });
  CHECK(status().replicas[1]->reason == "node n2: " + trouble_of(*b.view().node(NodeId{"n2"})));
  b.change_replica(id(0), in(Phase::assigned, "n1", "waits for its image"));
  CHECK(status().replicas[0]->reason == "waits for its image");
}

TEST_CASE_FIXTURE(StatusTest, "a workload that had run and is short of ready replicas is DEGRADED") {
  b.replica("web", up()).replica("web", up("n2"));
  REQUIRE(phase() == "RUNNING");
  SUBCASE("a container ended and starts again after a pause") {
    b.change_replica(id(1), [](Replica& r) { r.phase = Phase::backoff; });
  }
  SUBCASE("a node is suspect") {
    b.node("n2", [](Node& n) { n.state = NodeState::suspect; });
  }
  SUBCASE("a node is offline") {
    b.node("n2", [](Node& n) { n.state = NodeState::offline; });
  }
  SUBCASE("a replica is lost and its replacement has no node") {
    b.change_replica(id(1), [](Replica& r) { r.phase = Phase::lost; }).replica("web");
  }
  CHECK(phase() == "DEGRADED");
  CHECK(status().ready_replicas == 1);
  CHECK(status().reason.find("1 of 2 replicas ready") == 0);
}

TEST_CASE_FIXTURE(StatusTest, "a scale up is not a degradation") {
  b.replica("web", up()).replica("web", up("n2")).workload("web", [](WorkloadSpec& s) { s.replicas = 3; });
  CHECK(phase() == "PENDING");
  b.replica("web", in(Phase::starting));
  CHECK(phase() == "STARTING");
}

TEST_CASE_FIXTURE(StatusTest, "a workload is UPDATING while a replica of an older version is there") {
  b.replica("web", up()).replica("web", up("n2")).workload("web", [](WorkloadSpec& s) {
    s.pod.image = "image:2";
  });
  CHECK(phase() == "UPDATING");
  CHECK(status().ready_replicas == 2);
  CHECK(status().updated_replicas == 0);
  CHECK(status().version == 2);
  b.change_replica(id(0), [](Replica& r) { r.stop = StopCause::rollout; }).replica("web", up());
  CHECK(phase() == "UPDATING");
  CHECK(status().ready_replicas == 2);
  CHECK(status().updated_replicas == 1);
  b.change_replica(id(0), SnapshotBuilder::ended(Phase::stopped))
      .change_replica(id(1), SnapshotBuilder::ended(Phase::stopped));
  b.replica("web", up("n2"));
  CHECK(phase() == "RUNNING");
}

TEST_CASE("work that ends is SUCCEEDED when all of it is, FAILED when a part failed for good") {
  struct Case {
    std::vector<Phase> replicas;
    StopCause stop;  // of the last one
    const char* phase;
  };
  const std::vector<Case> cases{
      {{Phase::succeeded, Phase::succeeded}, StopCause::none, "SUCCEEDED"},
      {{Phase::succeeded, Phase::running}, StopCause::none, "RUNNING"},
      {{Phase::succeeded, Phase::failed}, StopCause::none, "FAILED"},
      {{Phase::failed, Phase::running}, StopCause::none, "FAILED"},
      {{Phase::succeeded, Phase::starting}, StopCause::none, "STARTING"},
      {{Phase::succeeded}, StopCause::none, "PENDING"},
      {{Phase::succeeded, Phase::succeeded}, StopCause::scale, "PENDING"},
      {{Phase::succeeded, Phase::failed}, StopCause::scale, "PENDING"},
  };
  for (const auto& c : cases) {
    SnapshotBuilder b;
    b.node("n1").workload("job", [](WorkloadSpec& s) {
      s.replicas = 2;
      s.pod.restart.mode = RestartMode::never;
    });
    for (std::size_t i = 0; i < c.replicas.size(); ++i)
      b.replica("job", [&](Replica& r) {
        SnapshotBuilder::running("n1")(r);
        r.phase = c.replicas[i];
        if (i + 1 == c.replicas.size()) r.stop = c.stop;
      });
    CAPTURE(to_string(c.replicas.back()));
    CAPTURE(c.phase);
    CHECK(std::string(to_string(derive_status(b.view(), *b.view().workload("default", "job")).phase)) ==
          c.phase);
  }
}

TEST_CASE_FIXTURE(StatusTest, "a deleted workload is DELETING, and says how many containers still stop") {
  b.replica("web", up()).replica("web", up("n2")).remove_workload("web");
  b.change_replica(id(0), [](Replica& r) { r.stop = StopCause::deleted; });
  b.change_replica(id(1), SnapshotBuilder::ended(Phase::stopped, StopCause::deleted));
  CHECK(phase() == "DELETING");
  CHECK(status().reason == "1 replica still to stop");
}

TEST_CASE_FIXTURE(StatusTest,
                  "a replica that runs and is not ready is what the workload waits for, and since when") {
  b.replica("web", up()).replica("web", up("n2"));
  b.change_replica(id(1), [](Replica& r) {
    r.ready = false;
    r.reason = "readiness probe failed: HTTP 503 from /ready";
    r.probes.edit() = {{ProbeKind::liveness, ProbeStanding::failing, "old", 1'000},
                       {ProbeKind::readiness, ProbeStanding::failing, "HTTP 503 from /ready", 100'000}};
  });
  const auto reason_at = [&](WallMillis now) {
    return derive_status(b.view(), *b.view().workload(SnapshotBuilder::uid("web")), now).reason;
  };
  const std::string waiting =
      "1 of 2 replicas ready; waiting for " + id(1).value + ": readiness probe failed: HTTP 503 from /ready";
  CHECK(reason_at(0) == waiting);
  CHECK(reason_at(99'000) == waiting);
  CHECK(reason_at(141'900) == waiting + " for 41 s");
  CHECK(reason_at(100'000 + 600'000) == waiting + " for 10 min");
  CHECK(reason_at(100'000 + 36'000'000) == waiting + " for 10 h");
}

TEST_CASE_FIXTURE(StatusTest, "a replica that has not been ready yet is STARTING, one that was is DEGRADED") {
  b.replica("web", up()).replica("web", up("n2"));
  b.change_replica(id(1), [](Replica& r) { r.ready = false; });
  CHECK(phase() == "STARTING");
  b.change_replica(id(1), [](Replica& r) { r.was_ready = true; });
  CHECK(phase() == "DEGRADED");
}

}  // namespace
}  // namespace cloudless::workload_state
