#include "actors/workload_state/report.hpp"

#include <doctest/doctest.h>

#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

/// web-0 is assigned to n1, which is in its second incarnation.
class ReportTest {
 public:
  ReportTest() {
    SnapshotBuilder b;
    b.node("n1", [](Node& n) { n.incarnation = 2; }).node("n2").workload("web");
    b.replica("web", [](Replica& r) {
      r.phase = Phase::assigned;
      r.node = NodeId{"n1"};
    });
    head = b.view();
  }
  static ReplicaId id() { return SnapshotBuilder::id("web", 0); }
  static ReplicaReport say(std::uint64_t sequence, std::uint32_t attempt, Phase phase, bool ready = false) {
    ReplicaReport out;
    out.replica = id();
    out.sequence = sequence;
    out.attempt = attempt;
    out.phase = phase;
    out.ready = ready;
    return out;
  }
  /// True if it changed something. What was not refused as a whole must be acknowledged.
  bool take(const ReplicaReport& report, std::uint64_t incarnation = 2, const std::string& node = "n1") {
    owner::Plan plan(head);
    const auto ack = apply(plan, NodeReport{NodeId{node}, incarnation, {report}}, moment);
    REQUIRE(ack.has_value());
    CHECK(ack->incarnation == incarnation);
    CHECK(ack->items == std::vector<ReportAck::Item>{{report.replica, report.sequence}});
    const bool changed = !plan.empty();
    head = plan.now();
    return changed;
  }
  void change(const std::function<void(Replica&)>& how) {
    Replica r = now();
    how(r);
    head.apply(put(std::make_shared<const Replica>(r)));
  }
  void restart_agent() {
    Node n = *head.node(NodeId{"n1"});
    ++n.incarnation;
    head.apply(put(std::make_shared<const Node>(n)));
  }
  Replica now() const { return *head.replica(id()); }

  Snapshot head;
  Millis moment = 100;
};

TEST_CASE_FIXTURE(
    ReportTest,
    "an agent that was restarted takes nobody's readiness away before its probes have a verdict") {
  auto ready = say(1, 1, Phase::running, true);
  ready.probes = {{ProbeKind::readiness, ProbeStanding::passing, "", 5}};
  CHECK(take(ready));
  restart_agent();
  auto undecided = say(1, 1, Phase::running);
  undecided.undecided = true;
  undecided.reason = "readiness probe has not passed yet";
  undecided.probes = {{ProbeKind::readiness, ProbeStanding::waiting, "", 0}};
  take(undecided, 3);
  CHECK(now().ready);
  CHECK(now().reason.empty());
  CHECK(now().probes == ready.probes);
  SUBCASE("a verdict counts") {
    take(say(2, 1, Phase::running), 3);
    CHECK_FALSE(now().ready);
    CHECK(now().was_ready);
  }
  SUBCASE("another attempt begins without it") {
    auto next = undecided;
    next.sequence = 2;
    next.attempt = 2;
    take(next, 3);
    CHECK_FALSE(now().ready);
    CHECK_FALSE(now().was_ready);
    CHECK(now().reason == "readiness probe has not passed yet");
  }
  SUBCASE("one that was not running before is not ready") {
    change([](Replica& r) {
      r.phase = Phase::starting;
      r.ready = false;
    });
    auto again = undecided;
    again.sequence = 2;
    take(again, 3);
    CHECK_FALSE(now().ready);
  }
}

TEST_CASE_FIXTURE(ReportTest, "what is said of probes and of the last end is stored, in bounds") {
  auto report = say(1, 2, Phase::running);
  report.last_end = std::string(5000, 'x');
  report.probes = {{ProbeKind::liveness, ProbeStanding::failing, std::string(5000, 'y'), 7}};
  CHECK(take(report));
  CHECK(now().last_end->size() == 1024);
  REQUIRE(now().probes->size() == 1);
  CHECK((*now().probes)[0].failure.size() == 1024);
  CHECK((*now().probes)[0].since == 7);
}

TEST_CASE_FIXTURE(ReportTest, "a report carries the whole state") {
  auto report = say(4, 1, Phase::running, true);
  report.container = ContainerId{"c1"};
  report.address = "10.0.0.2";
  report.reason = "fine";
  report.started_at = 77;
  report.published_ports = {{"http", Protocol::tcp, 80, 30001}};
  CHECK(take(report));
  const auto r = now();
  CHECK(r.phase == Phase::running);
  CHECK(r.attempt == 1);
  CHECK(r.ready);
  CHECK(r.container == ContainerId{"c1"});
  CHECK(r.address == "10.0.0.2");
  CHECK(r.reason == "fine");
  CHECK(r.started_at == 77);
  CHECK(r.published_ports == report.published_ports);
  CHECK(r.node_incarnation == 2);
  CHECK(r.report_sequence == 4);
}

TEST_CASE_FIXTURE(ReportTest, "only what is newer is taken") {
  CHECK(take(say(4, 1, Phase::running, true)));
  CHECK_FALSE(take(say(4, 1, Phase::running, false)));
  CHECK_FALSE(take(say(3, 1, Phase::running, false)));
  CHECK_FALSE(take(say(9, 1, Phase::running, false), 1));
  CHECK(now().ready);
  CHECK(take(say(5, 1, Phase::running, false)));
  CHECK_FALSE(now().ready);
}

TEST_CASE_FIXTURE(ReportTest, "the clock of a replica never goes back within an incarnation") {
  CHECK(take(say(1, 2, Phase::running, true)));
  CHECK_FALSE(take(say(2, 2, Phase::starting)));
  CHECK_FALSE(take(say(3, 1, Phase::backoff)));
  CHECK_FALSE(take(say(4, 3, Phase::pending)));
  CHECK_FALSE(take(say(5, 3, Phase::lost)));
  CHECK(now().phase == Phase::running);
  CHECK(take(say(6, 3, Phase::preparing)));
  CHECK(now().attempt == 3);
  CHECK_FALSE(now().ready);
}

TEST_CASE_FIXTURE(ReportTest, "what ended stays ended") {
  CHECK(take(say(1, 1, Phase::failed)));
  CHECK_FALSE(take(say(2, 2, Phase::running, true)));
  restart_agent();
  CHECK_FALSE(take(say(1, 2, Phase::running, true), 3));
  CHECK(now().phase == Phase::failed);
  CHECK_FALSE(now().serving);
}

TEST_CASE_FIXTURE(ReportTest, "an agent that never heard of a replica may say that it is stopped") {
  CHECK(take(say(1, 3, Phase::running, true)));
  change([](Replica& r) { r.stop = StopCause::scale; });
  CHECK(take(say(2, 0, Phase::stopped)));
  CHECK(now().phase == Phase::stopped);
  CHECK(now().attempt == 3);
}

TEST_CASE_FIXTURE(ReportTest, "what is told to stop does not become ready again") {
  change([](Replica& r) { r.stop = StopCause::scale; });
  CHECK(take(say(1, 1, Phase::running, true)));
  CHECK(now().phase == Phase::running);
  CHECK_FALSE(now().ready);
}

TEST_CASE_FIXTURE(ReportTest, "only what runs is ready") {
  CHECK(take(say(1, 1, Phase::starting, true)));
  CHECK_FALSE(now().ready);
}

TEST_CASE_FIXTURE(ReportTest,
                  "unknown replicas and those of other nodes are done with, and nothing changes") {
  CHECK_FALSE(take(say(1, 1, Phase::running, true), 1, "n2"));
  auto unknown = say(1, 1, Phase::running, true);
  unknown.replica = SnapshotBuilder::id("web", 99);
  CHECK_FALSE(take(unknown));
  unknown.replica = ReplicaId{"nonsense"};
  CHECK_FALSE(take(unknown));
  CHECK(now().phase == Phase::assigned);
}

TEST_CASE_FIXTURE(ReportTest, "a node or an incarnation that is not known yet has to repeat") {
  owner::Plan plan(head);
  const auto stranger = apply(plan, NodeReport{NodeId{"n9"}, 1, {say(1, 1, Phase::running)}}, 100);
  REQUIRE_FALSE(stranger.has_value());
  CHECK(stranger.error().code == Errc::unavailable);
  const auto early = apply(plan, NodeReport{NodeId{"n1"}, 3, {say(1, 1, Phase::running)}}, 100);
  REQUIRE_FALSE(early.has_value());
  CHECK(early.error().code == Errc::unavailable);
  CHECK(plan.empty());
}

TEST_CASE_FIXTURE(
    ReportTest,
    "an agent that comes back and has to start over makes the replica not ready until it runs again") {
  CHECK(take(say(9, 1, Phase::running, true)));
  restart_agent();
  CHECK(take(say(1, 1, Phase::preparing), 3));
  CHECK(now().phase == Phase::running);
  CHECK_FALSE(now().ready);
  CHECK(take(say(2, 1, Phase::running, true), 3));
  CHECK(now().ready);
}

TEST_CASE_FIXTURE(ReportTest,
                  "an agent that comes back with a container of an earlier attempt has lost the replica") {
  CHECK(take(say(9, 5, Phase::running, true)));
  restart_agent();
  CHECK(take(say(1, 1, Phase::preparing), 3));
  CHECK(now().phase == Phase::running);
  CHECK(take(say(2, 1, Phase::running, true), 3));
  CHECK(now().phase == Phase::lost);
  CHECK_FALSE(now().ready);
  CHECK(now().reason->find("n1") != std::string::npos);
}

TEST_CASE_FIXTURE(ReportTest,
                  "the first answer to what the tag stands for is pinned, later ones change nothing") {
  const std::string first = "sha256:" + std::string(64, 'a'), second = "sha256:" + std::string(64, 'b');
  const auto pinned = [&] { return head.version(SnapshotBuilder::uid("web"), 1)->image_digest; };
  auto report = say(1, 1, Phase::preparing);
  CHECK(take(report));
  CHECK(pinned().empty());
  report = say(2, 1, Phase::preparing);
  report.image_digest = first;
  CHECK(take(report));
  CHECK(pinned() == first);
  // Only found so far, not running.
  CHECK(now().image_digest.empty());
  CHECK_FALSE(take(report));
  report = say(3, 1, Phase::preparing);
  report.image_digest = second;
  take(report);
  CHECK(pinned() == first);
  report = say(4, 1, Phase::running, true);
  report.image_digest = first;
  CHECK(take(report));
  CHECK(now().image_digest == first);
}

TEST_CASE_FIXTURE(ReportTest, "an answer counts although the agent has forgotten how often it tried") {
  change([](Replica& r) {
    r.phase = Phase::backoff;
    r.attempt = 3;
    r.node_incarnation = 1;
  });
  auto report = say(1, 1, Phase::preparing);
  report.image_digest = "sha256:" + std::string(64, 'a');
  take(report);
  CHECK(head.version(SnapshotBuilder::uid("web"), 1)->image_digest == report.image_digest);
  CHECK(now().attempt == 3);
}

TEST_CASE_FIXTURE(ReportTest, "a node that no longer has the replica pins nothing") {
  auto report = say(1, 1, Phase::preparing);
  report.image_digest = "sha256:" + std::string(64, 'a');
  CHECK_FALSE(take(report, 1, "n2"));
  restart_agent();
  CHECK_FALSE(take(report, 2));
  CHECK(head.version(SnapshotBuilder::uid("web"), 1)->image_digest.empty());
}

TEST_CASE_FIXTURE(ReportTest, "since when it runs and is ready is stamped with store time") {
  const auto at = [&](Millis when, const ReplicaReport& report) {
    moment = when;
    take(report);
  };
  at(100, say(1, 1, Phase::starting));
  CHECK(now().running_at == 0);
  at(200, say(2, 1, Phase::running));
  CHECK(now().running_at == 200);
  CHECK(now().ready_at == 0);
  at(300, say(3, 1, Phase::running, true));
  CHECK(now().ready_at == 300);
  CHECK(now().first_ready_at == 300);
  at(400, say(4, 1, Phase::running, true));
  CHECK(now().ready_at == 300);
  at(500, say(5, 1, Phase::running, false));
  CHECK(now().ready_at == 0);
  at(600, say(6, 1, Phase::running, true));
  CHECK(now().ready_at == 600);
  // Another attempt: there was a break, whether anybody saw it or not.
  at(700, say(7, 2, Phase::running, true));
  CHECK(now().ready_at == 700);
  at(800, say(8, 2, Phase::failed));
  CHECK(now().ready_at == 0);
  CHECK(now().running_at == 200);
  CHECK(now().first_ready_at == 300);
}

TEST_CASE_FIXTURE(ReportTest, "an agent that comes back undecided leaves the time since when it is ready") {
  take(say(1, 1, Phase::running, true));
  moment = 500;
  auto undecided = say(1, 1, Phase::running);
  undecided.undecided = true;
  restart_agent();
  take(undecided, 3);
  CHECK(now().ready);
  CHECK(now().ready_at == 100);
}

}  // namespace
}  // namespace cloudless::workload_state
